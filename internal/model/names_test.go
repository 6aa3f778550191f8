package model_test

import (
	"os"

	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

// names is a ledger.Dir.
type names string

var _ ledger.Dir = names("")

func (d names) at(name string) string { return string(d) + "/" + name }

func (d names) Open(name string) (*os.File, error) { return os.OpenFile(d.at(name), os.O_RDWR, 0) }

func (d names) Create(name string) (*os.File, error) { return os.Create(d.at(name)) }

func (d names) Rename(from, to string) error { return os.Rename(d.at(from), d.at(to)) }

func (d names) Remove(name string) error {
	if err := os.Remove(d.at(name)); !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (d names) Sync() error { return nil }

func (d names) Room() (int64, error) { return 1 << 40, nil }
