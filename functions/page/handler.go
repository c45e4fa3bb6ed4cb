package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"drawdown/shared/httpapi"
)

const (
	document = "usage.html"
	packed   = ".gz"
	tagBytes = 8
)

// contentTypes are the kinds of files that the page is made of.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// pageHeaders keep the page to itself: it loads from its own origin, talks to
// its own origin, is not shown in frames, and sends no referrer.
var pageHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Permissions-Policy":         "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()",
	"Referrer-Policy":            "no-referrer",
}

type handler struct {
	page   httpapi.Asset
	assets map[string]httpapi.Asset
}

// open reads what `make page` has built.
func open(files fs.FS) (*handler, error) {
	h := &handler{assets: map[string]httpapi.Asset{}}
	names, err := fs.Glob(files, "dist/*")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	for _, name := range names {
		kind, served := contentTypes[path.Ext(name)]
		if !served {
			continue
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
		gzip, err := fs.ReadFile(files, name+packed)
		if err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
		h.assets[path.Base(name)] = httpapi.Asset{ContentType: kind, Text: string(text), Gzip: gzip}
	}
	page, built := h.assets[document]
	if !built {
		return nil, errors.New("page: this binary was compiled before the page was built; run make page, then compile again")
	}
	delete(h.assets, document) // it is served only at its own address
	hash := sha256.Sum256([]byte(page.Text))
	page.Tag = `W/"` + hex.EncodeToString(hash[:tagBytes]) + `"`
	h.page = page
	return h, nil
}

func (h *handler) server() *httpapi.Server {
	return httpapi.NewServer(nil, // public
		httpapi.Handle(httpapi.GetPage, httpapi.DecodeUsagePage, h.document, encodePage),
		httpapi.Handle(httpapi.GetPageAsset, httpapi.DecodeAsset, h.asset, httpapi.EncodeAsset),
	)
}

func (h *handler) document(_ context.Context, query httpapi.AssetQuery) (httpapi.AssetAnswer, error) {
	return query.AnswerWith(h.page), nil
}

func (h *handler) asset(_ context.Context, query httpapi.AssetQuery) (httpapi.AssetAnswer, error) {
	asset, found := h.assets[query.Name]
	if !found {
		return httpapi.AssetAnswer{}, httpapi.NoAsset(query.Name)
	}
	return query.AnswerWith(asset), nil
}

func encodePage(answer httpapi.AssetAnswer) httpapi.Response {
	response := httpapi.EncodeUsagePage(answer)
	for name, value := range pageHeaders {
		response = response.With(name, value)
	}
	return response
}
