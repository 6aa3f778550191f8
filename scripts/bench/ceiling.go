package main

import (
	"fmt"
	"runtime"
)

// ceiling says how fast a mount that keeps what it fetches could give one stream here if
// it did nothing else and never waited: what it costs to fetch and write it (bare+write,
// with the server) and to pass it through FUSE (memory, with the reader), by all
// processors. It is empty where one of them was not measured.
func (f facts) ceiling() string {
	fetched, ok := f.r.median(f.key(seqName, bareWriteName))
	passed, also := f.r.median(f.key(fuseName, memoryName))
	ours, too := f.zs3fs(seqName)
	if !ok || !also || !too {
		return ""
	}
	most := ceiling(fetched, passed, runtime.NumCPU())
	text := fmt.Sprintf("All processors would be busy at %.0f MB/s with what bare+write and its server (%.2f s/GB) and FUSE alone with its reader (%.2f s/GB) take\n"+
		"of them: %.2f of bare+write", most/1e6, fetchCost(fetched), passCost(passed), most/fetched.speed())
	if name, other := f.r.fastest(f.p.Name, seqName, false); name != "" {
		text += fmt.Sprintf(", %.2f times %s", most/other.speed(), name)
	}
	return text + fmt.Sprintf(". zs3fs reached %.2f of that.\n", ours.speed()/most)
}

// ceiling is in bytes/s.
func ceiling(fetched, passed sample, processors int) float64 {
	return float64(processors) / (fetchCost(fetched) + passCost(passed)) * 1e9
}

// fetchCost and passCost are in CPU seconds per GB.
func fetchCost(s sample) float64 { return s.cpuPerGB() + s.Counts.CPU.Seconds()/s.gigabytes() }

func passCost(s sample) float64 { return s.cpuPerGB() + s.ReaderCPU.Seconds()/s.gigabytes() }
