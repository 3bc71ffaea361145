package config

import (
	"math"
	"strconv"
	"strings"
)

// latency are the directives of what is remembered of how long things take.
func (c *Config) latency() []*directive {
	return []*directive{
		number("latency-monitor-threshold", &c.LatencyMonitorThreshold, 0, 0, math.MaxInt64),
		yesNo("latency-tracking", &c.LatencyTracking, true),
		text("latency-tracking-info-percentiles", &c.LatencyPercentiles, "50 99 99.9").joined(" ").orNone().reshaped(percentiles),
	}
}

// percentiles is the value of latency-tracking-info-percentiles.
func percentiles(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	list := strings.Split(s, " ")
	for i, w := range list {
		p, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return "", asRedis("Invalid latency-tracking-info-percentiles parameters")
		}
		if p < 0 || p > 100 || math.IsNaN(p) {
			return "", asRedis("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
		list[i] = strconv.FormatFloat(p, 'g', -1, 64)
	}
	return strings.Join(list, " "), nil
}
