package source

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"turnpike/internal/price"
)

// AWS's price list files
// (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html).
// Models are sold in two offers: AmazonBedrock, by the thousand tokens, and
// AmazonBedrockFoundationModels, where marketplace models are, by the million.
// The unit of each row decides, not the offer.
type offer struct {
	OfferCode string             `json:"offerCode"`
	Version   string             `json:"version"`
	Products  map[string]product `json:"products"`
	Terms     struct {
		OnDemand map[string]map[string]term `json:"OnDemand"`
	} `json:"terms"`
}

type product struct {
	Attributes struct {
		Service       string `json:"servicename"`
		Usage         string `json:"usagetype"`
		Region        string `json:"regionCode"`
		Model         string `json:"model"`
		Titan         string `json:"titanModel"`
		InferenceType string `json:"inferenceType"`
		Feature       string `json:"feature"`
		Tier          string `json:"service_tier"`
	} `json:"attributes"`
}

type term struct {
	Dimensions map[string]dimension `json:"priceDimensions"`
}

type dimension struct {
	Unit        string            `json:"unit"`
	Description string            `json:"description"`
	Begin       string            `json:"beginRange"`
	Price       map[string]string `json:"pricePerUnit"`
}

// offers are those that sell tokens of models.
var offers = []string{"AmazonBedrock", "AmazonBedrockFoundationModels"}

// per reads the unit of a row.
func (d *dimension) per() (price.Per, bool) {
	unit := strings.ToLower(strings.TrimSpace(d.Unit))
	switch unit {
	case "1k tokens", "1k token":
		return price.PerThousand, true
	case "1m tokens", "1m token", "million tokens":
		return price.PerMillion, true
	case "units": // of the marketplace: the description says of what
		text := strings.ToLower(d.Description)
		if strings.Contains(text, "million") && strings.Contains(text, "token") {
			return price.PerMillion, true
		}
	}
	return 0, false
}

// spot is what an entry is about.
type spot struct{ model, region, geo, tier string }

// rowsOf are the prices of a spot, for short prompts and for long ones.
type rowsOf struct{ short, long price.Rates }

func readAWS(b []byte) ([]price.Entry, *Report, error) {
	var o offer
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, nil, fmt.Errorf("read AWS's price list: %w", err)
	}
	rep := &Report{Form: FormAWS, Version: o.OfferCode + " " + o.Version}
	if !slices.Contains(offers, o.OfferCode) {
		return nil, rep, fmt.Errorf("the offer %q sells no models; use %s", o.OfferCode, strings.Join(offers, " or "))
	}
	learned := learn(o.Products)
	found := map[spot]*rowsOf{}
	for _, sku := range slices.Sorted(maps.Keys(o.Products)) {
		p := o.Products[sku]
		if reason := p.take(o.Terms.OnDemand[sku], learned, found, rep); reason != "" {
			rep.skip(reason)
		}
	}
	out := entries(found, o.OfferCode, rep)
	if rep.Entries = len(out); len(out) == 0 {
		return nil, rep, errNothing
	}
	return out, rep, nil
}

// take adds the price of a product, or says why there is none.
func (p *product) take(terms map[string]term, learned map[string]string, found map[spot]*rowsOf, rep *Report) (reason string) {
	a := &p.Attributes
	r, reason := classify(a.Usage, a.InferenceType, a.Feature, a.Tier)
	if reason != "" {
		return reason
	}
	d, reason := only(terms)
	if reason != "" {
		return reason
	}
	per, ok := d.per()
	if !ok {
		return "unit " + d.Unit
	}
	amount, err := price.Parse(d.Price["USD"], per)
	if err != nil {
		return "a price that cannot be read"
	}
	name := firstOf(a.Model, a.Titan, a.Service)
	model := modelOf(a.Usage, name, learned)
	if model == "" {
		note(&rep.Unknown, firstOf(name, a.Usage))
		return "a model whose id is not known"
	}
	at := spot{model, a.Region, r.geo, r.tier}
	if found[at] == nil {
		found[at] = &rowsOf{}
	}
	rates := &found[at].short
	if r.long {
		rates = &found[at].long
	}
	if before, ok := rates.Get(r.class); ok && before != amount {
		note(&rep.Conflicts, fmt.Sprintf("%s %s %s %s %s: %s and %s", model, a.Region, r.geo, r.tier, r.class, before, amount))
		amount = max(amount, before)
	}
	rates.Set(r.class, amount)
	return ""
}

// only is the one price of a product.
func only(terms map[string]term) (d dimension, reason string) {
	n := 0
	for _, t := range terms {
		for _, one := range t.Dimensions {
			d = one
			n++
		}
	}
	switch {
	case n == 0:
		return d, "no price on demand"
	case n > 1:
		return d, "prices by volume"
	case d.Price["USD"] == "":
		return d, "no price in dollars"
	}
	return d, ""
}

func entries(found map[spot]*rowsOf, offerCode string, rep *Report) []price.Entry {
	var out []price.Entry
	for at, rows := range found {
		_, in := rows.short.Get(price.Input)
		_, answer := rows.short.Get(price.Output)
		if !in && !answer {
			rep.skip("neither input nor output")
			continue
		}
		e := price.Entry{
			Model: at.model, Kind: "bedrock", Region: at.region, Geo: at.geo, Tier: at.tier, Rates: rows.short,
			Rank: price.Listed, Source: "AWS price list " + offerCode, Confidence: "official",
		}
		if !rows.long.Empty() {
			above := longAbove(at.model)
			if above == 0 {
				rep.skip("a long prompt's price of a model whose threshold is not known")
				continue
			}
			e.Long = []price.Long{{Above: above, Rates: rows.long}}
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b price.Entry) int {
		return strings.Compare(strings.Join([]string{a.Model, a.Region, a.Geo, a.Tier}, "\x00"), strings.Join([]string{b.Model, b.Region, b.Geo, b.Tier}, "\x00"))
	})
	return out
}

// longAbove is where long prompts begin, which the list does not say: OpenAI's and
// Anthropic's own documents do.
func longAbove(model string) int64 {
	switch {
	case strings.HasPrefix(model, "openai."):
		return 272_000
	case strings.HasPrefix(model, "anthropic.claude-haiku-5-5"):
		return 100_000
	case strings.HasPrefix(model, "anthropic."):
		return 200_000
	}
	return 0
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
