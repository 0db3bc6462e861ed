module github.com/parley-rtc/parley/deploy

go 1.26.0
