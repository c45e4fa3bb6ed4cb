package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The years that a cron expression may name.
const (
	firstYear = 1970
	lastYear  = 2199
)

// cron is due at the minutes that match all of its fields.
type cron struct {
	minutes, hours, months, years set
	days                          func(time.Time) bool // of the month or of the week
}

type set map[int]bool

var (
	monthNames   = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// parseCron reads the six fields minutes, hours, day of month, month, day of week, year.
func parseCron(inner string) (Schedule, error) {
	fields := strings.Fields(inner)
	if len(fields) != 6 {
		return nil, fmt.Errorf("cron(%s) has %d fields, not the six minutes, hours, day of month, month, day of week, year", inner, len(fields))
	}
	c := &cron{}
	var err error
	for _, f := range []struct {
		name        string
		text        string
		lowest, top int
		names       []string
		into        *set
	}{
		{"minutes", fields[0], 0, 59, nil, &c.minutes},
		{"hours", fields[1], 0, 23, nil, &c.hours},
		{"month", fields[3], 1, 12, monthNames, &c.months},
		{"year", fields[5], firstYear, lastYear, nil, &c.years},
	} {
		if *f.into, err = parseSet(f.text, f.lowest, f.top, f.names); err != nil {
			return nil, fmt.Errorf("cron(%s): %s: %w", inner, f.name, err)
		}
	}
	if c.days, err = parseDays(fields[2], fields[4]); err != nil {
		return nil, fmt.Errorf("cron(%s): %w", inner, err)
	}
	return c, nil
}

// Next implements Schedule.
func (c *cron) Next(after time.Time) time.Time {
	t := after.UTC().Truncate(time.Minute).Add(time.Minute)
	for t.Year() <= lastYear {
		switch {
		case !c.years[t.Year()]:
			t = time.Date(t.Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC)
		case !c.months[int(t.Month())]:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case !c.days(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
		case !c.hours[t.Hour()]:
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !c.minutes[t.Minute()]:
			t = t.Add(time.Minute)
		default:
			return t
		}
	}
	return time.Time{}
}

// parseSet reads a list of values, ranges and steps.
func parseSet(text string, lowest, top int, names []string) (set, error) {
	values := set{}
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, hasStep := strings.Cut(part, "/")
		step := 1
		if hasStep {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%q is no step", stepText)
			}
			step = n
		}
		from, to := lowest, top
		if span != "*" {
			first, last, isRange := strings.Cut(span, "-")
			var err error
			if from, err = parseValue(first, lowest, top, names); err != nil {
				return nil, err
			}
			switch {
			case isRange:
				if to, err = parseValue(last, lowest, top, names); err != nil {
					return nil, err
				}
			case !hasStep: // with a step it goes on to the top
				to = from
			}
		}
		if from > to {
			to += top - lowest + 1 // a range such as FRI-MON goes round
		}
		for v := from; v <= to; v += step {
			values[lowest+(v-lowest)%(top-lowest+1)] = true
		}
	}
	return values, nil
}

func parseValue(text string, lowest, top int, names []string) (int, error) {
	for i, name := range names {
		if strings.EqualFold(text, name) {
			return lowest + i, nil
		}
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < lowest || v > top {
		return 0, fmt.Errorf("%q is not within %d-%d", text, lowest, top)
	}
	return v, nil
}

// parseDays reads both fields of the day, one of which must be a question mark.
func parseDays(ofMonth, ofWeek string) (func(time.Time) bool, error) {
	switch {
	case (ofMonth == "?") == (ofWeek == "?"):
		return nil, errors.New("either the day of month or the day of week must be ?, and the other not")
	case ofWeek == "?":
		match, err := parseDaysOfMonth(ofMonth)
		if err != nil {
			return nil, fmt.Errorf("day of month: %w", err)
		}
		return match, nil
	}
	match, err := parseDaysOfWeek(ofWeek)
	if err != nil {
		return nil, fmt.Errorf("day of week: %w", err)
	}
	return match, nil
}

// parseDaysOfMonth accepts, besides sets, L for the last day, LW for the last weekday, and 15W for the weekday closest
// to the 15th within its month.
func parseDaysOfMonth(text string) (func(time.Time) bool, error) {
	switch {
	case text == "L":
		return func(t time.Time) bool { return t.Day() == daysIn(t) }, nil
	case text == "LW":
		return func(t time.Time) bool { return t.Day() == nearestWeekday(t, daysIn(t)) }, nil
	case strings.HasSuffix(text, "W"):
		day, err := parseValue(text[:len(text)-1], 1, 31, nil)
		if err != nil {
			return nil, err
		}
		return func(t time.Time) bool { return day <= daysIn(t) && t.Day() == nearestWeekday(t, day) }, nil
	}
	days, err := parseSet(text, 1, 31, nil)
	return func(t time.Time) bool { return days[t.Day()] }, err
}

// parseDaysOfWeek accepts, besides sets with 1 for Sunday, L for Saturday, 6L for the last Friday of the month, and 2#3
// for its third Monday.
func parseDaysOfWeek(text string) (func(time.Time) bool, error) {
	if day, nth, ok := strings.Cut(text, "#"); ok {
		weekday, err := parseValue(day, 1, 7, weekdayNames)
		if err != nil {
			return nil, err
		}
		n, err := parseValue(nth, 1, 5, nil)
		if err != nil {
			return nil, err
		}
		return func(t time.Time) bool { return weekdayOf(t) == weekday && (t.Day()+6)/7 == n }, nil
	}
	if day, ok := strings.CutSuffix(text, "L"); ok && day != "" {
		weekday, err := parseValue(day, 1, 7, weekdayNames)
		if err != nil {
			return nil, err
		}
		return func(t time.Time) bool { return weekdayOf(t) == weekday && t.Day()+7 > daysIn(t) }, nil
	}
	if text == "L" {
		text = "SAT"
	}
	days, err := parseSet(text, 1, 7, weekdayNames)
	return func(t time.Time) bool { return days[weekdayOf(t)] }, err
}

func weekdayOf(t time.Time) int { return int(t.Weekday()) + 1 }

// daysIn returns the number of days of a month.
func daysIn(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// nearestWeekday returns the day from Monday to Friday that is closest to the given one in its month.
func nearestWeekday(month time.Time, day int) int {
	switch weekday := time.Date(month.Year(), month.Month(), day, 0, 0, 0, 0, time.UTC).Weekday(); {
	case weekday == time.Saturday && day == 1:
		return 3
	case weekday == time.Saturday:
		return day - 1
	case weekday == time.Sunday && day == daysIn(month):
		return day - 2
	case weekday == time.Sunday:
		return day + 1
	}
	return day
}
