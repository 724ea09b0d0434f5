package core

import "time"

// HealthStatus is how a server or a part of it is; the words are those of the
// Internet-Draft draft-inadarei-api-health-check-06.
type HealthStatus string

// The health statuses.
const (
	// HealthPass: all is well.
	HealthPass HealthStatus = "pass"
	// HealthWarn: it works, but somebody should look.
	HealthWarn HealthStatus = "warn"
	// HealthFail: it does not work.
	HealthFail HealthStatus = "fail"
)

// HealthReport says how a server is.
type HealthReport struct {
	// Status is the worst of the components', where only those count as failed without
	// which the server cannot work; and fail in a Phase.
	Status HealthStatus
	// Phase is "starting" or "stopping", and empty for a server that does its work.
	Phase      string
	Components []ComponentHealth
}

// ComponentHealth says how a part of a server is.
type ComponentHealth struct {
	// Name is what it is: "store", "queue", "connectors", "disk", "memory".
	Name   string
	Status HealthStatus
	// Message says what is wrong, for those who run the server; it has no secrets.
	Message string
	// Err is the reason, for the log only.
	Err error
	// Measure and Unit name what Value is of: "free" and "bytes".
	Measure, Unit string
	Value         float64
	// Took is how long it took to find out, up to the time limit; At is when it began.
	Took time.Duration
	At   time.Time
}
