package admin

import "strings"

// didYouMean completes a message about a name that nobody knows.
func didYouMean(word string, known []string) string {
	best, most := "", max(1, len(word)/3)
	if len(word) > 64 {
		most = -1
	}
	for _, c := range known {
		if d := distance(strings.ToLower(word), c); d <= most {
			best, most = c, d-1
		}
	}
	switch {
	case best != "":
		return "; did you mean " + best + "?"
	case len(known) == 0:
		return ""
	}
	return "; there are " + strings.Join(known, ", ")
}

// distance is the number of letters to insert, delete or replace to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := corner
			if a[i-1] != b[j-1] {
				cost++
			}
			corner, row[j] = row[j], min(row[j]+1, row[j-1]+1, cost)
		}
	}
	return row[len(b)]
}
