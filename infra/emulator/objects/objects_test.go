package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"drawdown/infra/emulator/objects"
)

const bucket = "things"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open serves a store with one bucket to the SDK's client. Over TLS the SDK sends bodies in chunks and their checksums
// after them, and before them otherwise.
func open(t *testing.T, secure bool) (*s3.Client, string) {
	t.Helper()
	store := objects.New()
	if !store.Create(bucket) || store.Create(bucket) {
		t.Fatal("a bucket can be made once")
	}
	server := httptest.NewUnstartedServer(store)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return s3.New(s3.Options{
		HTTPClient: server.Client(),
		Region:     "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
		}),
	}), server.URL
}

func put(t *testing.T, client *s3.Client, key, body string) {
	t.Helper()
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(body)})
	check(t, err)
}

// stream is a body that cannot be read twice.
type stream struct{ io.Reader }

func TestAnObjectsLife(t *testing.T) {
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			client, _ := open(t, secure)
			testLife(t, client, secure)
		})
	}
}

func testLife(t *testing.T, client *s3.Client, secure bool) {
	key := "a folder/ä+b&c=%25.json"
	long := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	for name, in := range map[string]*s3.PutObjectInput{
		"default":   {Body: bytes.NewReader(long)},
		"stream":    {Body: stream{bytes.NewReader(long)}, ContentLength: aws.Int64(int64(len(long)))},
		"crc32c":    {Body: bytes.NewReader(long), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c},
		"crc64nvme": {Body: bytes.NewReader(long), ChecksumCRC64NVME: aws.String("J/cdPVBMvQk=")},
		"sha256":    {Body: bytes.NewReader(long), ChecksumAlgorithm: types.ChecksumAlgorithmSha256},
		"sha1":      {Body: bytes.NewReader(long), ChecksumAlgorithm: types.ChecksumAlgorithmSha1},
	} {
		t.Run(name, func(t *testing.T) {
			in.Bucket, in.Key = aws.String(bucket), aws.String(key)
			in.ContentType, in.Metadata = aws.String("application/json"), map[string]string{"origin": "test"}
			_, err := client.PutObject(t.Context(), in)
			if name == "stream" && !secure { // the SDK has to read it twice
				return
			}
			if name == "crc64nvme" { // the sum is another object's
				if code(err) != "BadDigest" {
					t.Errorf("a wrong checksum: %v", err)
				}
				return
			}
			check(t, err)
			out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: in.Bucket, Key: in.Key, ChecksumMode: types.ChecksumModeEnabled})
			check(t, err)
			body, err := io.ReadAll(out.Body) // the SDK compares the checksum
			check(t, err)
			if !bytes.Equal(body, long) || aws.ToString(out.ContentType) != "application/json" || out.Metadata["origin"] != "test" ||
				aws.ToInt64(out.ContentLength) != int64(len(long)) || time.Since(aws.ToTime(out.LastModified)).Abs() > time.Minute {
				t.Errorf("%d bytes come back: %+v", len(body), out)
			}
		})
	}
	head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	check(t, err)
	if aws.ToInt64(head.ContentLength) != int64(len(long)) || !strings.HasPrefix(aws.ToString(head.ETag), `"`) {
		t.Errorf("the head is %+v", head)
	}
	part, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Range: aws.String("bytes=3-5")})
	check(t, err)
	if body, err := io.ReadAll(part.Body); err != nil || string(body) != "345" {
		t.Errorf("the range is %q, %v", body, err)
	}
	for range 2 { // deleting what does not exist succeeds
		_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		check(t, err)
	}
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if missing := (*types.NoSuchKey)(nil); !errors.As(err, &missing) {
		t.Errorf("what is deleted: %v", err)
	}
}

func code(err error) string {
	if e := smithy.APIError(nil); errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestRefusals(t *testing.T) {
	client, url := open(t, false)
	other := aws.String("other")
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: other, Key: aws.String("k"), Body: strings.NewReader("")})
	if code(err) != "NoSuchBucket" {
		t.Errorf("a put without a bucket: %v", err)
	}
	_, err = client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: other})
	if missing := (*types.NoSuchBucket)(nil); !errors.As(err, &missing) {
		t.Errorf("a list without a bucket: %v", err)
	}
	_, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if missing := (*types.NotFound)(nil); !errors.As(err, &missing) {
		t.Errorf("the head of nothing: %v", err)
	}
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader(""), IfNoneMatch: aws.String("*"),
	})
	if code(err) != "NotImplemented" {
		t.Errorf("a condition: %v", err)
	}
	_, err = client.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if code(err) != "NotImplemented" {
		t.Errorf("tags: %v", err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	check(t, err)
	response, err := http.DefaultClient.Do(request)
	check(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusNotImplemented {
		t.Errorf("the list of buckets: %s", response.Status)
	}
}

func TestLists(t *testing.T) {
	client, _ := open(t, false)
	var want []string
	for n := range 25 {
		want = append(want, fmt.Sprintf("a/%02d é&<", n))
	}
	for _, key := range append([]string{"b", "c/1", "c/2", "d"}, want...) {
		put(t, client, key, key)
	}
	var got []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("a/"), MaxKeys: aws.Int32(10)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check(t, err)
		for _, o := range page.Contents {
			got = append(got, aws.ToString(o.Key))
			if aws.ToInt64(o.Size) != int64(len(aws.ToString(o.Key))) || o.ETag == nil || o.LastModified == nil {
				t.Errorf("listed is %+v", o)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the keys are %q", got)
	}
	// Folders, one entry a page.
	got = nil
	folders := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)})
	for folders.HasMorePages() {
		page, err := folders.NextPage(t.Context())
		check(t, err)
		for _, p := range page.CommonPrefixes {
			got = append(got, aws.ToString(p.Prefix))
		}
		for _, o := range page.Contents {
			got = append(got, aws.ToString(o.Key))
		}
	}
	if want := []string{"a/", "b", "c/", "d"}; !slices.Equal(got, want) {
		t.Errorf("the folders are %q", got)
	}
	after, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), StartAfter: aws.String("c/1")})
	check(t, err)
	if len(after.Contents) != 2 || aws.ToInt32(after.KeyCount) != 2 || aws.ToBool(after.IsTruncated) {
		t.Errorf("after c/1 are %+v", after)
	}
	_, err = client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("b")}, {Key: aws.String("c/1")}, {Key: aws.String("not there")}},
	}})
	check(t, err)
	left, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	check(t, err)
	if len(left.Contents) != len(want)+2 {
		t.Errorf("%d objects are left", len(left.Contents))
	}
}
