// Takes orders over HTTP and answers 202 once the broker has each: net/http and franz-go, nothing else.
//
// It decodes a body, and writes a value of the given size that is made once: encoding Avro is left to
// the others, which is in its favour. Key, headers, acks, compression and linger are theirs.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

type order struct {
	UserID   string `json:"user_id"`
	Currency string `json:"currency"`
	Lines    []struct {
		Sku       string `json:"sku"`
		Name      string `json:"name"`
		Quantity  int32  `json:"quantity"`
		UnitPrice string `json:"unit_price"`
	} `json:"lines"`
}

type receipt struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

type accepted struct {
	OrderID string  `json:"order_id"`
	Receipt receipt `json:"receipt"`
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: accept ADDR:PORT BOOTSTRAP TOPIC BYTES")
	}
	address, bootstrap, topic := os.Args[1], os.Args[2], os.Args[3]
	size, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerLinger(0),
	)
	if err != nil {
		log.Fatal(err)
	}
	value := make([]byte, size)
	for i := range value {
		value[i] = byte('a' + i*7%26)
	}
	http.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {})
	http.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		var asked order
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		id := uuid.Must(uuid.NewV7()).String()
		record := &kgo.Record{
			Topic:   topic,
			Key:     []byte(id),
			Value:   value,
			Headers: headers(),
		}
		results := client.ProduceSync(r.Context(), record)
		if err := results.FirstErr(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		answer, err := json.Marshal(accepted{id, receipt{topic, record.Partition, record.Offset}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", "/orders/"+id)
		w.WriteHeader(http.StatusAccepted)
		w.Write(answer)
	})
	log.Fatal(http.ListenAndServe(address, nil))
}

func headers() []kgo.RecordHeader {
	trace, span := uuid.New(), uuid.New()
	return []kgo.RecordHeader{
		{Key: "ce_specversion", Value: []byte("1.0")},
		{Key: "ce_id", Value: []byte(uuid.Must(uuid.NewV7()).String())},
		{Key: "ce_source", Value: []byte("orderly-bench")},
		{Key: "ce_type", Value: []byte("orderly.OrderPlaced")},
		{Key: "ce_time", Value: []byte(time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))},
		{Key: "content-type", Value: []byte("application/avro")},
		{Key: "traceparent", Value: []byte(fmt.Sprintf("00-%x-%x-01", trace[:], span[:8]))},
	}
}
