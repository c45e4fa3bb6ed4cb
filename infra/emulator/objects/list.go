package objects

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const maxKeys = 1000

type listing struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	MaxKeys, KeyCount     int
	IsTruncated           bool
	Contents              []listed
	CommonPrefixes        []commonPrefix
}

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type commonPrefix struct{ Prefix string }

// list serves ListObjectsV2.
func (s *Store) list(w http.ResponseWriter, r *http.Request, bucket string) error {
	query := r.URL.Query()
	if query.Get("list-type") != "2" {
		return notImplemented("a list of another type than 2")
	}
	result := listing{
		Name: bucket, Prefix: query.Get("prefix"), Delimiter: query.Get("delimiter"), EncodingType: query.Get("encoding-type"),
		StartAfter: query.Get("start-after"), ContinuationToken: query.Get("continuation-token"), MaxKeys: maxKeys,
	}
	if text := query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return &failure{http.StatusBadRequest, "InvalidArgument", "Provided max-keys not an integer or within integer range"}
		}
		result.MaxKeys = min(n, maxKeys)
	}
	after := result.StartAfter
	if result.ContinuationToken != "" {
		token, err := base64.URLEncoding.DecodeString(result.ContinuationToken)
		if err != nil {
			return &failure{http.StatusBadRequest, "InvalidArgument", "The continuation token provided is incorrect"}
		}
		after = string(token)
	}
	if result.EncodingType != "" && result.EncodingType != "url" {
		return &failure{http.StatusBadRequest, "InvalidArgument", "Invalid Encoding Method specified in Request"}
	}
	s.fill(&result, bucket, after)
	if result.EncodingType == "url" {
		result.encode()
	}
	answer(w, http.StatusOK, result)
	return nil
}

// fill lists the keys after the given one.
func (s *Store) fill(result *listing, bucket, after string) {
	for _, key := range s.Keys(bucket, result.Prefix) {
		group := ""
		if result.Delimiter != "" {
			if before, _, ok := strings.Cut(key[len(result.Prefix):], result.Delimiter); ok {
				group = result.Prefix + before + result.Delimiter
			}
		}
		// A group that has been listed ends with the delimiter, and its keys begin with it.
		if key <= after || group != "" && group <= after {
			continue
		}
		if result.KeyCount == result.MaxKeys {
			result.IsTruncated = true
			result.NextContinuationToken = base64.URLEncoding.EncodeToString([]byte(after))
			return
		}
		o, ok := s.Get(bucket, key)
		switch {
		case group != "":
			result.CommonPrefixes = append(result.CommonPrefixes, commonPrefix{group})
			after = group
		case ok:
			result.Contents = append(result.Contents, listed{
				Key: key, LastModified: o.Modified.Format("2006-01-02T15:04:05.000Z"), ETag: o.ETag, Size: len(o.Body), StorageClass: "STANDARD",
			})
			after = key
		default: // deleted meanwhile
			continue
		}
		result.KeyCount++
	}
}

func (l *listing) encode() {
	for _, text := range []*string{&l.Prefix, &l.Delimiter, &l.StartAfter} {
		*text = url.QueryEscape(*text)
	}
	for i := range l.Contents {
		l.Contents[i].Key = url.QueryEscape(l.Contents[i].Key)
	}
	for i := range l.CommonPrefixes {
		l.CommonPrefixes[i].Prefix = url.QueryEscape(l.CommonPrefixes[i].Prefix)
	}
}
