package route_test

import (
	"fmt"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/retry"
	"turnpike/internal/route"
)

// The road of a request, as far as choosing goes.
func Example() {
	table := route.New([]*route.Account{
		{Provider: provider.Unserved("first", "openai"), Weight: 100},
		{Provider: provider.Unserved("second", "openai"), Weight: 50},
	}, "", "").With(route.Settings{Strategy: policy.StrategyPriority})

	ask := route.Ask{Model: "gpt-5", Conversation: "of alice"}
	choice, err := table.Candidates(ask)
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Now()
	for i := 0; i < len(choice.Targets); {
		target := &choice.Targets[i]
		last := i == len(choice.Targets)-1
		handle, ok := target.Begin(time.Now, last)
		if !ok { // found unwell since it was chosen
			i++
			continue
		}
		failed := send(target)
		if failed == nil {
			handle.FirstContent(time.Since(start))
			table.Keep(ask.Conversation, target, 5*time.Minute)
			handle.Done(nil, false)
			fmt.Println("served by", target.Provider.Name())
			return
		}
		handle.Done(failed, false)
		step := table.Next(retry.State{Err: failed, Attempt: i + 1, Elapsed: time.Since(start), Others: !last})
		fmt.Println(target.Provider.Name()+":", failed.Message+";", step.Why)
		if step.Do == retry.Stop {
			return
		}
		if step.Do == retry.Next {
			i++
		}
	}
	// Output:
	// first: too busy; another provider may serve it
	// served by second
}

// send stands for the call; the first provider is too busy.
func send(t *route.Target) *llm.Error {
	if t.Provider.Name() == "first" {
		return &llm.Error{Kind: llm.ErrOverloaded, Upstream: true, UpstreamStatus: 529, Message: "too busy"}
	}
	return nil
}
