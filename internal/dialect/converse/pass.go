package converse

import (
	"net/http"
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Pass lets a body through: model and stream are in the URL. Only what the model
// would surely refuse is taken out of it.
func (Dialect) Pass(body wire.Object, _ http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	edits, losses := adapt(body.Get(inference), &t.Caps)
	return edits, losses, true
}

// AsksUsage is true: ConverseStream always tells its usage.
func (Dialect) AsksUsage(wire.Object) bool { return true }

const inference = "inferenceConfig"

// adapt keeps the settings within what Claude takes (PAR-01, PAR-04). A value of 1
// is the default, which no model refuses.
func adapt(config []byte, caps *llm.Caps) ([]wire.Edit, []llm.Loss) {
	if len(config) == 0 || config[0] != '{' || caps.Family != familyClaude || fits(config, caps) {
		return nil, nil
	}
	o, err := wire.ParseObject(config)
	if err != nil {
		return nil, nil
	}
	var edits []wire.Edit
	var losses []llm.Loss
	drop := func(member, reason string) {
		v := o.Get(member)
		if v == nil {
			return
		}
		edits = append(edits, wire.Edit{Name: member})
		if f, err := strconv.ParseFloat(string(v), 64); err != nil || f != 1 {
			losses = llm.AddLoss(losses, inference+"."+member, reason)
		}
	}
	switch caps.Sampling {
	case llm.SamplingFree:
	case llm.SamplingNone:
		drop("temperature", "the model takes none")
		drop("topP", "the model takes none")
	case llm.SamplingOne:
		if o.Get("temperature") != nil {
			drop("topP", "the model takes no topP beside a temperature")
		}
	}
	if n, err := strconv.ParseInt(string(o.Get("maxTokens")), 10, 64); err == nil && caps.MaxOutput > 0 && n > caps.MaxOutput {
		edits = append(edits, wire.Edit{Name: "maxTokens", Value: strconv.AppendInt(nil, caps.MaxOutput, 10)})
		losses = llm.NoteLoss(losses, llm.LossChanged, inference+".maxTokens", "above what the model writes: lowered")
	}
	if len(edits) == 0 {
		return nil, nil
	}
	return []wire.Edit{{Name: inference, Value: o.Apply(edits...)}}, losses
}

// fits tells of most bodies, without indexing anything, that nothing is to be done.
func fits(config []byte, caps *llm.Caps) bool {
	temperature, topP, limit := false, false, int64(0)
	r := wire.NewReader(config)
	for name := range r.Fields() {
		switch string(name) {
		case "temperature":
			temperature = true
		case "topP":
			topP = true
		case "maxTokens":
			if r.Kind() == '0' {
				limit = r.Int()
			}
		}
	}
	if r.Err() != nil {
		return true // the upstream says what is wrong
	}
	switch caps.Sampling {
	case llm.SamplingFree:
	case llm.SamplingNone:
		if temperature || topP {
			return false
		}
	case llm.SamplingOne:
		if temperature && topP {
			return false
		}
	}
	return caps.MaxOutput <= 0 || limit <= caps.MaxOutput
}
