package schedule_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"drawdown/infra/emulator/schedule"
)

func TestNext(t *testing.T) {
	for _, c := range []struct{ expression, after, want string }{
		{"rate(1 minute)", "2026-11-24T07:00:30Z", "2026-11-24T07:01:30Z"},
		{"rate(5 minutes)", "2026-11-24T07:00:00Z", "2026-11-24T07:05:00Z"},
		{"rate(1 hour)", "2026-11-24T23:30:00Z", "2026-11-25T00:30:00Z"},
		{"rate(7 days)", "2026-11-24T23:30:00+02:00", "2026-12-01T21:30:00Z"},

		{"cron(10 3 * * ? *)", "2026-11-24T03:09:59Z", "2026-11-24T03:10:00Z"},
		{"cron(10 3 * * ? *)", "2026-11-24T03:10:00Z", "2026-11-25T03:10:00Z"},
		{"cron(10 3 * * ? *)", "2026-12-31T04:00:00Z", "2027-01-01T03:10:00Z"},
		{"cron(10 3 * * ? *)", "2026-11-24T05:00:00+02:00", "2026-11-24T03:10:00Z"},
		{"cron(* * * * ? *)", "2026-11-24T03:10:00.5Z", "2026-11-24T03:11:00Z"},
		{"cron(0/15 * * * ? *)", "2026-11-24T03:46:00Z", "2026-11-24T04:00:00Z"},
		{"cron(*/20 * ? * * *)", "2026-11-24T03:46:00Z", "2026-11-24T04:00:00Z"},
		{"cron(5-20/10 * * * ? *)", "2026-11-24T03:06:00Z", "2026-11-24T03:15:00Z"},
		{"cron(0,30 8-17 ? * MON-FRI *)", "2026-11-27T17:30:00Z", "2026-11-30T08:00:00Z"}, // over a weekend
		{"cron(0 10 ? * 1 *)", "2026-11-24T00:00:00Z", "2026-11-29T10:00:00Z"},            // 1 is Sunday
		{"cron(0 10 ? * fri-mon *)", "2026-11-24T00:00:00Z", "2026-11-27T10:00:00Z"},
		{"cron(0 10 ? * L *)", "2026-11-24T00:00:00Z", "2026-11-28T10:00:00Z"},
		{"cron(0 10 ? * 6L *)", "2026-11-28T00:00:00Z", "2026-12-25T10:00:00Z"}, // the last Friday
		{"cron(0 10 ? * FRI#1 *)", "2026-11-24T00:00:00Z", "2026-12-04T10:00:00Z"},
		{"cron(0 10 ? * 2#5 *)", "2026-12-01T00:00:00Z", "2027-03-29T10:00:00Z"}, // months with five Mondays are few
		{"cron(0 0 L * ? *)", "2027-02-01T00:00:00Z", "2027-02-28T00:00:00Z"},
		{"cron(0 0 LW * ? *)", "2027-02-01T00:00:00Z", "2027-02-26T00:00:00Z"}, // the 28th is a Sunday
		{"cron(0 0 1W * ? *)", "2027-04-30T00:00:00Z", "2027-05-03T00:00:00Z"}, // the 1st is a Saturday
		{"cron(0 0 15W * ? *)", "2026-11-01T00:00:00Z", "2026-11-16T00:00:00Z"},
		{"cron(0 0 14W * ? *)", "2026-11-01T00:00:00Z", "2026-11-13T00:00:00Z"},
		{"cron(0 0 31 * ? *)", "2026-11-01T00:00:00Z", "2026-12-31T00:00:00Z"},
		{"cron(0 0 29 FEB ? *)", "2026-11-24T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"cron(0 0 1 1,jul ? 2027-2029)", "2027-07-01T00:00:00Z", "2028-01-01T00:00:00Z"},
		{"cron(0 0 1 1 ? 2026)", "2026-11-24T00:00:00Z", "0001-01-01T00:00:00Z"}, // never again
		{"cron(0 0 30 2 ? *)", "2026-11-24T00:00:00Z", "0001-01-01T00:00:00Z"},
	} {
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		s, err := schedule.Parse(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		if got := s.Next(after).Format(time.RFC3339); got != c.want {
			t.Errorf("%s after %s is %s, want %s", c.expression, c.after, got, c.want)
		}
	}
}

func TestScheduleIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := schedule.Parse("cron(0/10 * * * ? *)")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var fired []time.Time
		running := schedule.Start(s, func(due time.Time) {
			if late := time.Since(due); late != 0 {
				t.Errorf("it is fired %s late", late)
			}
			if fired = append(fired, due); len(fired) == 3 {
				time.Sleep(25 * time.Minute) // as if the machine had slept
			}
		})
		time.Sleep(75*time.Minute + time.Second)
		running.Stop()
		running.Wait()
		var got []time.Duration
		for _, due := range fired {
			got = append(got, due.Sub(began))
		}
		want := []time.Duration{10 * time.Minute, 20 * time.Minute, 30 * time.Minute, 60 * time.Minute, 70 * time.Minute}
		if !slices.Equal(got, want) {
			t.Errorf("it is fired after %v, want %v", got, want)
		}
	})
}

func TestWhatIsNoSchedule(t *testing.T) {
	for _, expression := range []string{
		"", "every day", "rate()", "rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)", "rate(-1 days)", "rate(1.5 hours)", "rate(1 month)",
		"rate(5 minutes", "cron(0 10 * * ?)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(60 10 * * ? *)", "cron(0 24 * * ? *)",
		"cron(0 10 0 * ? *)", "cron(0 10 32 * ? *)", "cron(0 10 * 13 ? *)", "cron(0 10 * FOO ? *)", "cron(0 10 ? * 0 *)", "cron(0 10 ? * 8 *)",
		"cron(0 10 ? * MON#6 *)", "cron(0 10 * * ? 1969)", "cron(0 10 * * ? 2200)", "cron(*/0 10 * * ? *)", "cron(0 10 99W * ? *)",
		"cron(1,,2 10 * * ? *)", "cron(- 10 * * ? *)", "at(2026-11-24T00:00:00)",
	} {
		if _, err := schedule.Parse(expression); err == nil {
			t.Errorf("%q is taken", expression)
		}
	}
}
