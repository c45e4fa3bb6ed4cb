package lambdaio

// BatchFailures is the answer to a batch of a stream: the records to redeliver.
// Lambda restarts from the lowest of them.
type BatchFailures struct {
	Failures []ItemFailure `json:"batchItemFailures"`
}

// ItemFailure names a record by its sequence number, not by its event's id.
type ItemFailure struct {
	SequenceNumber string `json:"itemIdentifier"`
}

// Failed returns the answer that names records by their sequence numbers.
func Failed(sequenceNumbers []string) BatchFailures {
	answer := BatchFailures{Failures: []ItemFailure{}}
	for _, number := range sequenceNumbers {
		answer.Failures = append(answer.Failures, ItemFailure{number})
	}
	return answer
}
