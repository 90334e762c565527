// Run it with your master token: TESSERA_TOKEN=tess_m_… go run api.go
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const verifyURL = "{{ at.verify }}"

var client = &http.Client{Timeout: 5 * time.Second}

var statuses = map[string]int{"forbidden_ip": 403, "insufficient_scope": 403, "rate_limited": 429, "quota_exceeded": 429, "organization_suspended": 403, "wrong_environment": 403}

type verification struct {
	Valid             bool
	Code              string
	Key               struct{ Name string }
	RetryAfterSeconds int `json:"retry_after_seconds"`
}

func verify(key, clientIP string) (*verification, error) {
	// To require scopes, add "scopes": []string{"invoices:read"}.
	body, err := json.Marshal(map[string]any{"key": key, "client_ip": clientIP})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodPost, verifyURL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TESSERA_TOKEN"))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("Tessera returned %s", response.Status)
	}
	result := new(verification)
	return result, json.NewDecoder(response.Body).Decode(result)
}

func api(writer http.ResponseWriter, request *http.Request) {
	key := request.Header.Get("X-API-Key")
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if key == "" && strings.EqualFold(scheme, "Bearer") {
		key = token
	}
	if key == "" {
		writer.Header().Set("WWW-Authenticate", "Bearer")
		reject(writer, 401)
		return
	}
	clientIP, _, _ := net.SplitHostPort(request.RemoteAddr)
	result, err := verify(key, clientIP)
	if err != nil {
		// Tessera can’t be reached: reject the request.
		log.Print(err)
		reject(writer, 503)
		return
	}
	if !result.Valid {
		status, isListed := statuses[result.Code]
		if !isListed {
			status = 401
		}
		if result.RetryAfterSeconds > 0 {
			writer.Header().Set("Retry-After", strconv.Itoa(result.RetryAfterSeconds))
		}
		reject(writer, status)
		return
	}

	// The key is valid. Your API starts here.
	send(writer, 200, "application/json", map[string]any{"hello": result.Key.Name})
}

func reject(writer http.ResponseWriter, status int) {
	problem := map[string]any{"title": http.StatusText(status), "status": status}
	send(writer, status, "application/problem+json", problem)
}

func send(writer http.ResponseWriter, status int, contentType string, body any) {
	writer.Header().Set("Content-Type", contentType)
	writer.WriteHeader(status)
	json.NewEncoder(writer).Encode(body)
}

func main() {
	log.Fatal(http.ListenAndServe("127.0.0.1:3000", http.HandlerFunc(api)))
}
