// Package harness starts Parley's programs as processes, the way people run them, for tests that know nothing of the
// code: they see flags, logs, ports, signals and exit codes.
//
// The programs are built once per test binary ([Main] removes them again). Everything started with a testing.TB is
// stopped when its test ends, and what it logged is printed when the test has failed.
package harness
