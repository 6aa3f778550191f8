package main

import (
	"io"
	"text/template"
)

// chart is groups of horizontal bars, each with the range of its runs. SVG by a
// template: rectangles and words are all that it takes, where a library of charts
// would bring a module with fonts and their rasteriser.
type chart struct {
	Title, Unit string
	Groups      []group
}

// group is the bars of one pattern.
type group struct {
	Name string
	Bars []bar
}

// bar is a median with the least and the largest.
type bar struct {
	Name          string
	Value         float64
	Least, Utmost float64
}

// In pixels.
const (
	chartLabels = 190
	chartWidth  = 520
	chartBar    = 13
	chartGap    = 12
	chartHead   = 40
)

// drawing is a chart with its places.
type drawing struct {
	chart
	Height int
	Bars   []drawnBar
	Names  []drawnName
}

type drawnBar struct {
	bar
	Y, Text     int
	X, From, To float64
	Colour      string
	Label       string
}

type drawnName struct {
	Name string
	Y    int
}

// draw places everything on a scale from 0 to the largest bar.
func (c chart) draw() drawing {
	d, utmost := drawing{chart: c}, 0.0
	for _, g := range c.Groups {
		for _, b := range g.Bars {
			utmost = max(utmost, b.Utmost, b.Value)
		}
	}
	y := chartHead
	for _, g := range c.Groups {
		d.Names = append(d.Names, drawnName{g.Name, y + 10})
		for _, b := range g.Bars {
			scale := func(v float64) float64 { return chartLabels + v/max(utmost, 1e-9)*chartWidth }
			d.Bars = append(d.Bars, drawnBar{bar: b, Y: y, Text: y + 10, X: scale(b.Value) - chartLabels,
				From: scale(b.Least), To: scale(b.Utmost), Colour: colour(b.Name), Label: b.Name + " " + short(b.Value)})
			y += chartBar
		}
		y += chartGap
	}
	d.Height = y
	return d
}

// colour is a tool's own in all charts.
func colour(tool string) string {
	colours := map[string]string{zs3fsName: "#1b6ec2", bareName: "#bbbbbb", bareWriteName: "#888888", "s3fs": "#d9822b",
		"rclone": "#5a9e4b", "goofys": "#8e6bbf", "geesefs": "#c0504d", "mount-s3": "#c9a227"}
	return colours[tool]
}

const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{{.Height}}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="10" y="22" font-size="14" font-weight="bold">{{html .Title}} ({{html .Unit}})</text>
{{range .Names}}<text x="180" y="{{.Y}}" text-anchor="end">{{html .Name}}</text>
{{end}}{{range .Bars}}<rect x="190" y="{{.Y}}" width="{{printf "%.1f" .X}}" height="12" fill="{{.Colour}}"/>
<path d="M{{printf "%.1f" .From}} {{.Y}}v12m0 -6H{{printf "%.1f" .To}}m0 -6v12" stroke="black" fill="none" stroke-width="0.7"/>
<text x="{{printf "%.1f" .To}}" dx="4" y="{{.Text}}">{{html .Label}}</text>
{{end}}</svg>
`

func (c chart) write(w io.Writer) error {
	t, err := template.New("svg").Parse(svg)
	if err != nil {
		return err
	}
	return t.Execute(w, c.draw())
}
