package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"drawdown/shared/httpapi"
)

// openAPI is the document that the platform serves.
type openAPI struct {
	model     *v3.Document
	validator validator.Validator
}

// fetchContract reads the document from the platform itself.
func fetchContract(ctx context.Context) (*openAPI, error) {
	sent, err := http.NewRequestWithContext(ctx, http.MethodGet, platform.URL()+httpapi.GetOpenAPI.Path, nil)
	if err != nil {
		return nil, err
	}
	response, err := transport.Do(sent)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or the start fails
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the OpenAPI document: %s: %w", response.Status, err)
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, fmt.Errorf("the OpenAPI document: %w", err)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, fmt.Errorf("the OpenAPI document: %w", err)
	}
	// Keys are the platform's to judge, not the document's.
	checks := validator.NewValidatorFromV3Model(&model.Model, config.WithFormatAssertions(), config.WithoutSecurityValidation())
	return &openAPI{&model.Model, checks}, nil
}

// check says how an answer, or a request that was accepted, breaks the document.
func (o *openAPI) check(route httpapi.Route, sent *http.Request, body []byte, a answer) error {
	if isGateways(a) {
		return nil
	}
	item, found := o.model.Paths.PathItems.Get(route.Path)
	if !found {
		return fmt.Errorf("it has no path %s", route.Path)
	}
	response := &http.Response{StatusCode: a.Status, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body))}
	_, faults := o.validator.GetResponseBodyValidator().ValidateResponseBodyWithPathItem(sent, response, item, route.Path)
	if a.Status/100 == 2 && !isMixed(route, a) {
		again := sent.Clone(sent.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		_, more := o.validator.ValidateHttpRequestSyncWithPathItem(again, item, route.Path)
		faults = append(faults, more...)
	}
	return asError(faults)
}

// isMixed says whether a batch was accepted though some of its items are refused, maybe for their form.
func isMixed(route httpapi.Route, a answer) bool {
	return route == httpapi.PostBatch && bytes.Contains(a.Body, []byte(`"problem":`))
}

// isGateways says whether an answer is API Gateway's own, which the document does not describe. Every answer of a
// function forbids caching; those of the gateway say nothing about it.
func isGateways(a answer) bool {
	own := []int{http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusInternalServerError, http.StatusServiceUnavailable}
	return a.Header.Get("Cache-Control") == "" && slices.Contains(own, a.Status) && bytes.HasPrefix(a.Body, []byte(`{"message":`))
}

func asError(faults []*validation.ValidationError) error {
	var all []error
	for _, fault := range faults {
		reasons := []string{fault.Message, fault.Reason}
		for _, detail := range fault.SchemaValidationErrors {
			reasons = append(reasons, detail.FieldPath+": "+detail.Reason)
		}
		all = append(all, errors.New(strings.Join(reasons, "; ")))
	}
	return errors.Join(all...)
}
