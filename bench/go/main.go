// A small health checker in Go, to be measured beside hc.
//
//	checker plain TARGETS INTERVAL_MS     as people first write it: a goroutine per check and nobody waiting, bodies unread
//	checker pooled TARGETS INTERVAL_MS    as a review would have it: a round is awaited, connections pooled, bodies drained
//	checker once URLS PARALLEL            each URL once, so many at a time; prints how many answered 200
//
// TARGETS is a file with one ADDRESS:PORT a line, URLS one with a URL a line.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

type backend struct {
	url   string
	alive atomic.Bool
}

type checker struct {
	client *http.Client
	drain  bool
}

func (c *checker) check(b *backend) bool {
	answer, err := c.client.Get(b.url)
	if err != nil {
		b.alive.Store(false)
		return false
	}
	if c.drain {
		io.Copy(io.Discard, answer.Body)
	}
	answer.Body.Close()
	alive := answer.StatusCode == http.StatusOK
	b.alive.Store(alive)
	return alive
}

// The pool as the review proposes it, with room for every target: its 100 would be too few for these.
func pooled() *http.Transport {
	return &http.Transport{
		MaxIdleConns:        0,
		MaxIdleConnsPerHost: 10,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
	}
}

func main() {
	if len(os.Args) != 4 {
		fail("checker plain|pooled TARGETS INTERVAL_MS, or checker once URLS PARALLEL")
	}
	mode, lines := os.Args[1], read(os.Args[2])
	number, err := strconv.Atoi(os.Args[3])
	if err != nil {
		fail(err)
	}
	backends := make([]*backend, 0, len(lines))
	for _, line := range lines {
		url := line
		if mode != "once" {
			url = "http://" + line + "/health"
		}
		backends = append(backends, &backend{url: url})
	}
	switch mode {
	case "plain":
		c := &checker{client: &http.Client{Timeout: 2 * time.Second}}
		for range time.Tick(time.Duration(number) * time.Millisecond) {
			for _, b := range backends {
				go c.check(b)
			}
		}
	case "pooled":
		c := &checker{client: &http.Client{Timeout: 2 * time.Second, Transport: pooled()}, drain: true}
		for range time.Tick(time.Duration(number) * time.Millisecond) {
			var round sync.WaitGroup
			for _, b := range backends {
				round.Add(1)
				go func(b *backend) {
					defer round.Done()
					c.check(b)
				}(b)
			}
			round.Wait()
		}
	case "once":
		once(backends, number)
	default:
		fail("no mode " + mode)
	}
}

func once(backends []*backend, parallel int) {
	c := &checker{client: &http.Client{Timeout: 5 * time.Second, Transport: pooled()}, drain: true}
	work := make(chan *backend)
	var passed atomic.Int64
	var workers sync.WaitGroup
	for i := 0; i < parallel; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for b := range work {
				if c.check(b) {
					passed.Add(1)
				}
			}
		}()
	}
	for _, b := range backends {
		work <- b
	}
	close(work)
	workers.Wait()
	fmt.Println(passed.Load())
}

func read(path string) []string {
	file, err := os.Open(path)
	if err != nil {
		fail(err)
	}
	defer file.Close()
	var lines []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	return lines
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(2)
}
