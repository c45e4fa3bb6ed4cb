package objects

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// maxBody bounds an upload, since all objects are held in memory.
const maxBody = 256 << 20

const checksumPrefix = "X-Amz-Checksum-"

// nvme is the polynomial of CRC-64/NVME, reversed.
const nvme = 0x9a6c9329ac4bc9b5

var checksums = map[string]func() hash.Hash{
	"Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"Crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(nvme)) },
	"Sha1":      sha1.New,
	"Sha256":    sha256.New,
}

// readBody reads an upload, and the checksums that came with it. The SDK sends them before the body or after it.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, sums map[string]string, err error) {
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, nil, err
	}
	header := r.Header.Clone()
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		var trailer textproto.MIMEHeader
		if body, trailer, err = dechunk(body); err != nil {
			return nil, nil, &failure{http.StatusBadRequest, "IncompleteBody", err.Error()}
		}
		if length := r.Header.Get("X-Amz-Decoded-Content-Length"); length != strconv.Itoa(len(body)) {
			return nil, nil, &failure{http.StatusBadRequest, "IncompleteBody", fmt.Sprintf("%d bytes came, not %s", len(body), length)}
		}
		for name, values := range trailer {
			header[name] = values
		}
	}
	sums = map[string]string{}
	for name := range header {
		algorithm, ok := strings.CutPrefix(name, checksumPrefix)
		if !ok || algorithm == "Algorithm" || algorithm == "Type" {
			continue
		}
		newHash := checksums[algorithm]
		if newHash == nil {
			return nil, nil, notImplemented("the checksum " + algorithm)
		}
		sum := newHash()
		_, _ = sum.Write(body) // never fails
		sums[name] = base64.StdEncoding.EncodeToString(sum.Sum(nil))
		if sums[name] != header.Get(name) {
			return nil, nil, &failure{http.StatusBadRequest, "BadDigest", "The " + algorithm + " you specified did not match what we received."}
		}
	}
	return body, sums, nil
}

// dechunk decodes aws-chunked: chunks with their sizes, the last one empty, then trailing headers.
func dechunk(data []byte) ([]byte, textproto.MIMEHeader, error) {
	in := bufio.NewReader(bytes.NewReader(data))
	var body bytes.Buffer
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, nil, errors.New("a chunk has no size")
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";") // a signature may follow
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || n < 0 {
			return nil, nil, fmt.Errorf("%q is no size of a chunk", size)
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(&body, in, n); err != nil {
			return nil, nil, errors.New("a chunk is shorter than its size")
		}
		if _, err := in.Discard(len("\r\n")); err != nil {
			return nil, nil, errors.New("a chunk has no end")
		}
	}
	trailer, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	return body.Bytes(), trailer, nil
}
