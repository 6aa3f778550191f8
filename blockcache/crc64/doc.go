// Package crc64 combines CRC64NVME checksums: from those of two strings of bytes
// it works out that of the one after the other, without the bytes. So the
// checksums of a version's blocks, which came in any order and from any number
// of requests, become the one that S3 keeps of the whole object.
//
// The checksums themselves come from github.com/minio/crc64nvme, which has no
// such function; hash/crc64 has none either.
package crc64
