package sysfs

import (
	"cmp"
	"context"
	"io/fs"

	"sensor-agent/sensors"
)

// An Input is one measurement to be had of a device. It opens the attributes
// it needs and returns the function that takes the measurement from them.
type Input func(*Folder) (Measure, error)

// Measure takes one measurement. It allocates nothing unless it fails.
type Measure func() (sensors.Measurement, error)

// Open opens a sensor with these inputs, a measurement each. find returns the
// folder of its device below /sys; it is called again when the device has
// gone, as it may come back under another number.
func Open(root fs.FS, find func() (string, error), inputs []Input) (sensors.Sensor, error) {
	s := &sensor{root: root, find: find, inputs: inputs, reading: make(sensors.Reading, len(inputs))}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

type sensor struct {
	root     fs.FS
	find     func() (string, error)
	inputs   []Input
	folder   Folder
	measures []Measure // one for each input while the device is open, else none
	reading  sensors.Reading
}

func (s *sensor) open() error {
	dir, err := s.find()
	if err != nil {
		return err
	}
	s.folder = Folder{root: s.root, path: dir}
	for _, input := range s.inputs {
		measure, err := input(&s.folder)
		if err != nil {
			s.shut()
			return err
		}
		s.measures = append(s.measures, measure)
	}
	return nil
}

func (s *sensor) shut() {
	s.folder.close()
	s.measures = nil
}

// Read takes the measurements one after the other. One that fails has no value
// and the others go on without it; when all fail, so does Read. The kernel
// cannot be told to hurry: ctx is heeded between two measurements.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if len(s.measures) > 0 {
		reading, err := s.measure(ctx)
		if !Gone(err) {
			return reading, err
		}
		s.shut()
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s.measure(ctx)
}

func (s *sensor) measure(ctx context.Context) (sensors.Reading, error) {
	var first error
	failed := 0
	for i, measure := range s.measures {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := measure()
		if err != nil {
			failed++
			first = cmp.Or(first, err)
			m = sensors.NoValue(err.Error())
		}
		s.reading[i] = m
	}
	if failed == len(s.measures) {
		return nil, first
	}
	return s.reading, nil
}

// Close closes the attributes; the device belongs to the kernel.
func (s *sensor) Close() error {
	s.shut()
	return nil
}
