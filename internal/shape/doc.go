// Package shape holds no code, only the test that keeps the read path's imports
// going one way.
package shape
