package main

import (
	"fmt"
	"html"
	"strings"
)

// The picture's measures in pixels.
const (
	barHeight  = 18
	barGap     = 8
	labelWidth = 200
	plotWidth  = 420
	margin     = 24
)

// drawBars draws throughput ratios as horizontal bars with a line at 1, where
// both servers are equally fast.
func drawBars(bars []bar) string {
	most := 1.25
	for _, b := range bars {
		most = max(most, b.ratio*1.1)
	}
	x := func(v float64) float64 { return labelWidth + margin + v/most*plotWidth }
	height := 2*margin + len(bars)*(barHeight+barGap)
	width := labelWidth + plotWidth + 4*margin
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for i, b := range bars {
		y := margin + i*(barHeight+barGap)
		color := "#2f6f9f"
		if b.ratio < 1 {
			color = "#b3672b"
		}
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth+margin-8, y+barHeight-5, html.EscapeString(b.label))
		fmt.Fprintf(&s, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", x(0), y, x(b.ratio)-x(0), barHeight, color)
		fmt.Fprintf(&s, `<text x="%.1f" y="%d">%.2f</text>`+"\n", x(b.ratio)+5, y+barHeight-5, b.ratio)
	}
	fmt.Fprintf(&s, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#444" stroke-dasharray="3 3"/>`+"\n", x(1), margin/2, x(1), height-margin/2)
	fmt.Fprintf(&s, `<text x="%.1f" y="%d" text-anchor="middle">redis-server = 1</text>`+"\n</svg>\n", x(1), height-4)
	return s.String()
}
