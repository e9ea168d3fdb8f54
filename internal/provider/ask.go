package provider

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// ReadJSON sends a request for a document of at most so many bytes and reads it. Of a
// refusal the error, a *StatusError, tells what quote makes of it.
func (a *Account) ReadJSON(r *http.Request, most int64, quote func([]byte) string, into any) error {
	res, err := a.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return &StatusError{Status: res.StatusCode, Body: quote(text)}
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("the service's answer is not what was known of it: %w", err)
	}
	return nil
}
