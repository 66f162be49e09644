package soak

import (
	"math/rand/v2"
	"time"
)

// A fault befalls one wire or chip; what it returns ends it.
type fault struct {
	name    string
	befall  func(b *bench, rng *rand.Rand) (end func())
	sensors string        // that it may trouble
	lasts   time.Duration // at most
	allowed time.Duration // from its end to a good reading, beyond one interval
}

func disturb(t func(b *bench) *trouble, set func(*trouble)) func(*bench, *rand.Rand) func() {
	return func(b *bench, _ *rand.Rand) func() {
		tr := t(b)
		tr.set(func() { set(tr) })
		return func() { tr.set(func() { tr.gone, tr.nak, tr.flip, tr.slow = false, 0, 0, 0 }) }
	}
}

func one(b *bench) *trouble   { return &b.one.trouble }
func three(b *bench) *trouble { return &b.three.trouble }
func slide(b *bench) *trouble { return &b.spi.trouble }

// stick makes transactions hang until the end of it.
func stick(t func(b *bench) *trouble) func(*bench, *rand.Rand) func() {
	return func(b *bench, _ *rand.Rand) func() {
		tr, stuck := t(b), make(chan struct{})
		tr.set(func() { tr.stuck = stuck })
		return func() {
			tr.set(func() { tr.stuck = nil })
			close(stuck)
		}
	}
}

func instant(do func(b *bench)) func(*bench, *rand.Rand) func() {
	return func(b *bench, _ *rand.Rand) func() { do(b); return func() {} }
}

const (
	air   = "bme280 bme680"
	light = "ads1115 bh1750"
)

var faults = []fault{
	{"nobody acknowledges now and then", disturb(one, func(t *trouble) { t.nak = 0.2 }), air, 8 * time.Second, 0},
	{"the same on the other bus", disturb(three, func(t *trouble) { t.nak = 0.2 }), light, 8 * time.Second, 0},
	{"bits flip", disturb(one, func(t *trouble) { t.flip = 0.1 }), air, 20 * time.Second, 0},
	// Seldom enough that of what one reading writes hardly ever three bytes are
	// wrong, which nothing would tell.
	{"bits flip on the other bus", disturb(three, func(t *trouble) { t.flip = 0.03 }), light, 20 * time.Second, 0},
	{"bits flip on SPI", disturb(slide, func(t *trouble) { t.flip = 0.1 }), "mcp3008", 20 * time.Second, 0},
	{"the adapter is gone", disturb(one, func(t *trouble) { t.gone = true }), air, 8 * time.Second, 0},
	{"the other adapter is gone", disturb(three, func(t *trouble) { t.gone = true }), light, 8 * time.Second, 0},
	{"chips stretch the clock", disturb(one, func(t *trouble) { t.slow = 20 * time.Millisecond }), air, 8 * time.Second, 0},
	{"the bus is stuck", stick(one), air, 8 * time.Second, 0},
	{"the other bus is stuck", stick(three), light, 8 * time.Second, 0},
	{"SPI is stuck", stick(slide), "mcp3008", 8 * time.Second, 0},
	{"a chip is pulled out", func(b *bench, _ *rand.Rand) func() {
		b.one.Plug(0x77, nil)
		return func() { b.bme680.Reset(); b.one.Plug(0x77, b.bme680) }
	}, "bme680", 8 * time.Second, 0},
	{"the ADC is pulled out", func(b *bench, _ *rand.Rand) func() {
		b.three.Plug(0x48, nil)
		return func() { b.ads.PowerCycle(); b.three.Plug(0x48, b.ads) }
	}, "ads1115", 8 * time.Second, 0},
	{"the SPI chip is pulled out", func(b *bench, _ *rand.Rand) func() {
		b.spi.Plug(nil)
		return func() { b.spi.Plug(b.mcp) }
	}, "mcp3008", 8 * time.Second, 0},
	{"the supply of the chips breaks down", func(b *bench, rng *rand.Rand) func() {
		time.Sleep(upTo(rng, interval)) // anywhere in a reading
		b.bme280[b.which].Reset()
		b.bme680.Reset()
		return func() {}
	}, air, 0, 0},
	{"the supply of the others breaks down", func(b *bench, rng *rand.Rand) func() {
		time.Sleep(upTo(rng, interval))
		b.ads.PowerCycle()
		b.bh.PowerCycle()
		return func() {}
	}, light, 0, 0},
	{"a chip is replaced by another", instant(func(b *bench) {
		b.which = 1 - b.which
		b.bme280[b.which].Reset()
		b.one.Plug(0x76, b.bme280[b.which])
	}), "bme280", 0, 4 * time.Second},
}
