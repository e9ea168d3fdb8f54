package throttle

// waiter is a request that waits.
type waiter struct {
	who     string
	tokens  int64
	done    chan struct{} // closed when it is let in or sent away
	granted bool
	gone    bool // not in the queue any more
}

// queue holds a line for each key; the lines take turns.
type queue struct {
	lines []*line // in the order of their turns, none of them empty
	size  int
}

type line struct {
	who     string
	waiters []*waiter
}

func (q *queue) len() int { return q.size }

func (q *queue) line(who string) int {
	for i, l := range q.lines {
		if l.who == who {
			return i
		}
	}
	return -1
}

func (q *queue) push(who string, tokens int64) *waiter {
	w := &waiter{who: who, tokens: tokens, done: make(chan struct{})}
	i := q.line(who)
	if i < 0 {
		i = len(q.lines)
		q.lines = append(q.lines, &line{who: who})
	}
	q.lines[i].waiters = append(q.lines[i].waiters, w)
	q.size++
	return w
}

// next is whose turn it is; nil for nobody.
func (q *queue) next() *waiter {
	if len(q.lines) == 0 {
		return nil
	}
	return q.lines[0].waiters[0]
}

// remove takes a waiter out. When it was its turn, its line goes to the end.
func (q *queue) remove(w *waiter) {
	if w.gone {
		return
	}
	w.gone = true
	i := q.line(w.who)
	l := q.lines[i]
	turn := i == 0 && l.waiters[0] == w
	for j, x := range l.waiters {
		if x == w {
			l.waiters = append(l.waiters[:j], l.waiters[j+1:]...)
			break
		}
	}
	q.size--
	if len(l.waiters) == 0 || turn {
		q.lines = append(q.lines[:i], q.lines[i+1:]...)
		if len(l.waiters) > 0 {
			q.lines = append(q.lines, l)
		}
	}
}

// crowder is the last in the longest line, where that has at least two more than
// the line of who.
func (q *queue) crowder(who string) *waiter {
	var longest *line
	mine := 0
	for _, l := range q.lines {
		if l.who == who {
			mine = len(l.waiters)
		} else if longest == nil || len(l.waiters) > len(longest.waiters) {
			longest = l
		}
	}
	if longest == nil || len(longest.waiters) < mine+2 {
		return nil
	}
	return longest.waiters[len(longest.waiters)-1]
}
