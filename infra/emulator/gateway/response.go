package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// structured is a function's answer that describes the whole response.
type structured struct {
	StatusCode      json.RawMessage `json:"statusCode"`
	Headers         map[string]any  `json:"headers"`
	Cookies         []string        `json:"cookies"`
	Body            *string         `json:"body"`
	IsBase64Encoded bool            `json:"isBase64Encoded"`
}

// respond writes the response that a function's answer describes. If it does not describe one, that is the function's
// fault, and the caller gets an error from the gateway.
func respond(w http.ResponseWriter, payload []byte) {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(payload, &fields) // anything but an object has no statusCode
	if _, ok := fields["statusCode"]; !ok {
		respondImplicitly(w, payload)
		return
	}
	if err := respondStructured(w, payload); err != nil {
		answer(w, http.StatusInternalServerError, "Internal Server Error")
	}
}

// respondImplicitly uses the answer itself as the body.
func respondImplicitly(w http.ResponseWriter, payload []byte) {
	if !json.Valid(payload) {
		answer(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	var text string
	if bytes.HasPrefix(bytes.TrimSpace(payload), []byte(`"`)) && json.Unmarshal(payload, &text) == nil {
		payload = []byte(text)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(payload) // the caller may be gone
}

func respondStructured(w http.ResponseWriter, payload []byte) error {
	var s structured
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&s); err != nil {
		return err
	}
	status, err := strconv.Atoi(strings.Trim(string(s.StatusCode), `"`))
	if err != nil || status < 200 || status > 599 {
		return fmt.Errorf("the status code %s is none of a response", s.StatusCode)
	}
	body, err := s.body()
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/plain;charset=UTF-8")
	for name, value := range s.Headers {
		if lower := strings.ToLower(name); !hopByHop[lower] && lower != "content-length" {
			header.Set(name, fmt.Sprint(value))
		}
	}
	for _, cookie := range s.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may be gone, and a HEAD or a 204 has no body
	return nil
}

func (s structured) body() ([]byte, error) {
	switch {
	case s.Body == nil:
		return nil, nil
	case s.IsBase64Encoded:
		return base64.StdEncoding.DecodeString(*s.Body)
	default:
		return []byte(*s.Body), nil
	}
}
