// Follows orders, puts an invoice for each, and acknowledges an order once its invoice is written.
//
//	STREAM=orders CONSUMER_GROUP=billing go run invoices.go
//
// Go 1.19 or later, and nothing else.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type Order struct {
	Order    int    `json:"order"`
	Customer string `json:"customer"`
	Quantity int    `json:"quantity"`
	Price    int    `json:"price"`
}

type Invoice struct {
	Order    int    `json:"order"`
	Customer string `json:"customer"`
	Total    int    `json:"total"`
}

type Event struct {
	Event   string
	ID      string
	Code    string
	Detail  string
	Records []struct{ Data Order }
}

type PutRecord struct {
	Data         Invoice `json:"data"`
	PartitionKey string  `json:"partitionKey"`
}

// Refusal is an answer other than 200.
type Refusal struct {
	status int
	body   string
}

func (refusal Refusal) Error() string { return fmt.Sprint(refusal.status, " ", refusal.body) }

// 207 is an answer to a put of which some records were not written.
func (refusal Refusal) passes() bool {
	return refusal.status < 400 || refusal.status >= 500 || refusal.status == 409 || refusal.status == 429
}

var (
	group   = setting("CONSUMER_GROUP", "billing")
	streams = setting("KINESIS_SIDECAR_URL", "http://localhost:8700") + "/streams/"
	orders  = streams + url.PathEscape(setting("STREAM", "orders"))
	options = url.Values{
		"consumerGroup":           {group},
		"useAutoCheckpoints":      {"false"}, // what is not acknowledged comes again
		"initialPositionInStream": {"TRIM_HORIZON"},
	}
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func ask(request *http.Request) (io.ReadCloser, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return nil, Refusal{response.StatusCode, string(body)}
	}
	return response.Body, nil
}

func post(url string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	request, err := http.NewRequest("POST", url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := ask(request)
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer) // read to its end, so that the connection is used again
	return err
}

func work(event Event) error {
	var records []PutRecord
	for _, record := range event.Records {
		order := record.Data
		records = append(records, PutRecord{
			Invoice{order.Order, order.Customer, order.Quantity * order.Price}, order.Customer})
	}
	if err := post(streams+"invoices/put", map[string]any{"records": records}); err != nil {
		return err
	}
	acknowledgement := map[string]string{"id": event.ID}
	if err := post(orders+"/checkpoints?"+url.Values{"consumerGroup": {group}}.Encode(), acknowledgement); err != nil {
		return err
	}
	fmt.Println(len(records), "invoices")
	return nil
}

// follow returns when the connection ends, and, behind the event in hand, when stopping is done.
func follow(stopping context.Context, connected func()) error {
	request, err := http.NewRequestWithContext(stopping, "GET", orders+"/records?"+options.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/x-ndjson")
	lines, err := ask(request)
	if err != nil {
		return err
	}
	defer lines.Close()
	connected()
	decoder := json.NewDecoder(lines) // which has no limit to a line, and passes over empty ones: signs of life
	for {
		var event Event
		if err := decoder.Decode(&event); err != nil {
			return err
		}
		if stopping.Err() != nil {
			return nil
		}
		switch event.Event {
		case "records":
			if err := work(event); err != nil {
				return err
			}
		case "problem":
			log.Println(event.Code, event.Detail)
		}
	}
}

func main() {
	stopping, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	const shortest, longest = time.Second, 8 * time.Second
	delay := shortest
	for stopping.Err() == nil {
		err := follow(stopping, func() { delay = shortest })
		if refusal, is := err.(Refusal); is && !refusal.passes() {
			log.Fatal(refusal)
		}
		if stopping.Err() != nil {
			return
		}
		log.Println(err)
		select {
		case <-stopping.Done():
		case <-time.After(delay):
		}
		if delay *= 2; delay > longest {
			delay = longest
		}
	}
}
