package llm

// SizeHint guesses the length of a request's body, so that a long one is not
// copied as it grows.
func SizeHint(req *Request) int {
	n := 1024 + PartsSize(req.System)
	for i := range req.Turns {
		n += 32 + PartsSize(req.Turns[i].Parts)
	}
	for i := range req.Tools {
		n += 128 + len(req.Tools[i].Description) + len(req.Tools[i].Schema)
	}
	return n + n/8 // escapes
}

// PartsSize guesses how long parts become when they are written.
func PartsSize(parts []Part) int {
	n := 0
	for _, p := range parts {
		n += 96
		switch p := p.(type) {
		case *Text:
			n += len(p.Text)
			for i := range p.Citations {
				n += len(p.Citations[i].Raw) + 64
			}
		case *Media:
			n += len(p.Data) + len(p.Text) + len(p.URL)
		case *Thinking:
			n += len(p.Text) + len(p.Signature) + len(p.Redacted)
		case *ToolCall:
			n += len(p.Input) + len(p.Broken) + len(p.Seal)
		case *ToolResult:
			n += PartsSize(p.Parts)
		case *Refusal:
			n += len(p.Text)
		case *Native:
			n += len(p.Raw)
		}
	}
	return n
}
