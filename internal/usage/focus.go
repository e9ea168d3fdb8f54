package usage

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
)

// FOCUS 1.2 (https://focus.finops.org/focus-specification/v1-2/): a row is an hour of
// one key, model and class of tokens at one price. Costs are what upstreams bill by
// their lists: no commitments, no discounts, so the four costs are one.

// Names are what people call those who use, by their ids.
type Names struct {
	Keys, Teams, Users map[string]string
}

// of are the names of a dimension, nil where its values have none.
func (n *Names) of(dimension string) map[string]string {
	switch dimension {
	case "key":
		return n.Keys
	case "team":
		return n.Teams
	case "user":
		return n.Users
	}
	return nil
}

// Name is what people call a value of a dimension; empty where it has no name.
func (n *Names) Name(dimension, value string) string { return n.of(dimension)[value] }

// focusKey is what the attempts of a row have in common.
type focusKey struct {
	key, team, user, tags         string
	provider, kind, region, model string
	tier, version                 string
	class                         price.Class
	price                         price.Price // 0 where it is not known
	estimated, unpriced           bool
}

// focusSum is what they add up to.
type focusSum struct {
	quantity int64
	cost     int64
	attempts int64
}

// focusRow is a row.
type focusRow struct {
	focusKey
	focusSum
	hour  time.Time
	names *Names
}

// services are who is behind a type of provider: who provides, what it is called, and
// whose bill it stands on.
var services = map[string][2]string{
	"bedrock":       {"AWS", "Amazon Bedrock"},
	"anthropic":     {"Anthropic", "Claude API"},
	"openai":        {"OpenAI", "OpenAI API"},
	"azure":         {"Microsoft", "Azure OpenAI"},
	"gemini":        {"Google", "Gemini API"},
	"vertex":        {"Google Cloud", "Vertex AI"},
	"openai-compat": {"", "OpenAI-compatible server"},
}

func (r *focusRow) service() (provider, service string) {
	s := services[r.kind]
	return cmp.Or(s[0], r.provider), cmp.Or(s[1], r.provider)
}

// tokenPlaces are the decimals of quantities for a million.
const tokenPlaces = 6

func (r *focusRow) searches() bool { return r.class == price.WebSearch }

// focusTime is how FOCUS writes times.
func focusTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (r *focusRow) unitPrice() string {
	if r.price == 0 {
		return ""
	}
	return dollars(int64(r.price))
}

// tagsOf writes the tags as FOCUS has them, a JSON object; the key is one of them.
func (r *focusRow) tagsOf() string {
	tags := map[string]any{"key": cmp.Or(r.names.Keys[r.key], r.key)}
	if r.user != "" {
		tags["user"] = cmp.Or(r.names.Users[r.user], r.user)
	}
	for _, t := range Tags(r.tags) {
		if t != "" {
			tags[t] = true
		}
	}
	b, _ := json.Marshal(tags) //nolint:errchkjson // texts and true
	return string(b)
}

// focusColumns are the columns, with FOCUS's own names.
var focusColumns = []struct {
	name string
	of   func(*focusRow) string
}{
	{"BilledCost", func(r *focusRow) string { return dollars(r.cost) }},
	{"EffectiveCost", func(r *focusRow) string { return dollars(r.cost) }},
	{"ListCost", func(r *focusRow) string { return dollars(r.cost) }},
	{"ContractedCost", func(r *focusRow) string { return dollars(r.cost) }},
	{"BillingCurrency", func(*focusRow) string { return "USD" }},
	{"BillingAccountId", func(r *focusRow) string { return cell(r.provider) }},
	{"BillingAccountName", func(r *focusRow) string { return cell(r.provider) }},
	{"BillingPeriodStart", func(r *focusRow) string { return focusTime(month(r.hour, 0)) }},
	{"BillingPeriodEnd", func(r *focusRow) string { return focusTime(month(r.hour, 1)) }},
	{"ChargePeriodStart", func(r *focusRow) string { return focusTime(r.hour) }},
	{"ChargePeriodEnd", func(r *focusRow) string { return focusTime(r.hour.Add(time.Hour)) }},
	{"ChargeCategory", func(*focusRow) string { return "Usage" }},
	{"ChargeClass", func(*focusRow) string { return "" }},
	{"ChargeFrequency", func(*focusRow) string { return "Usage-Based" }},
	{"ChargeDescription", func(r *focusRow) string { return cell(r.model + " " + r.class.String()) }},
	{"ConsumedQuantity", func(r *focusRow) string { return count(r.quantity) }},
	{"ConsumedUnit", func(r *focusRow) string {
		if r.searches() {
			return "searches"
		}
		return "tokens"
	}},
	{"PricingCategory", func(*focusRow) string { return "Standard" }},
	{"PricingQuantity", func(r *focusRow) string { return decimal(r.quantity, tokenPlaces) }},
	{"PricingUnit", func(r *focusRow) string {
		if r.searches() {
			return "1M searches"
		}
		return "1M tokens"
	}},
	{"ListUnitPrice", (*focusRow).unitPrice},
	{"ContractedUnitPrice", (*focusRow).unitPrice},
	{"ProviderName", func(r *focusRow) string { p, _ := r.service(); return cell(p) }},
	{"PublisherName", func(r *focusRow) string { p, _ := r.service(); return cell(p) }},
	{"InvoiceIssuerName", func(r *focusRow) string { p, _ := r.service(); return cell(p) }},
	{"ServiceName", func(r *focusRow) string { _, s := r.service(); return cell(s) }},
	{"ServiceCategory", func(*focusRow) string { return "AI and Machine Learning" }},
	{"ServiceSubcategory", func(*focusRow) string { return "Generative AI" }},
	{"SkuId", func(r *focusRow) string { return cell(r.model + ":" + r.class.String()) }},
	{"RegionId", func(r *focusRow) string { return cell(r.region) }},
	{"SubAccountId", func(r *focusRow) string { return cell(r.team) }},
	{"SubAccountName", func(r *focusRow) string { return cell(cmp.Or(r.names.Teams[r.team], r.team)) }},
	{"Tags", (*focusRow).tagsOf},
	{"x_KeyId", func(r *focusRow) string { return cell(r.key) }},
	{"x_KeyName", func(r *focusRow) string { return cell(r.names.Keys[r.key]) }},
	{"x_UserId", func(r *focusRow) string { return cell(r.user) }},
	{"x_UserName", func(r *focusRow) string { return cell(r.names.Users[r.user]) }},
	{"x_TokenClass", func(r *focusRow) string { return r.class.String() }},
	{"x_Tier", func(r *focusRow) string { return cell(r.tier) }},
	{"x_RequestCount", func(r *focusRow) string { return count(r.attempts) }},
	{"x_PriceBookVersion", func(r *focusRow) string { return cell(r.version) }},
	{"x_Estimated", func(r *focusRow) string { return strconv.FormatBool(r.estimated) }},
	{"x_Unpriced", func(r *focusRow) string { return strconv.FormatBool(r.unpriced) }},
}

// FocusColumns are the names of the columns.
func FocusColumns() []string {
	names := make([]string, len(focusColumns))
	for i, c := range focusColumns {
		names[i] = c.name
	}
	return names
}

// WriteFocus writes what a period cost as FOCUS has it, an hour at a time. The costs of
// the rows add up to those of the attempts.
func WriteFocus(ctx context.Context, w io.Writer, src Attempts, p Period, book *price.Book, names *Names) error {
	out := csv.NewWriter(w)
	_ = out.Write(FocusColumns()) // what fails, Error tells
	f := focus{out: out, names: names, book: book, sums: map[focusKey]focusSum{}, row: make([]string, len(focusColumns))}
	if err := eachAttempt(ctx, src, p, f.add); err != nil {
		return err
	}
	if err := f.flush(); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// focus is an export on its way: the rows of one hour.
type focus struct {
	out   *csv.Writer
	names *Names
	book  *price.Book
	hour  time.Time
	sums  map[focusKey]focusSum
	row   []string
}

// maxFocusRows bounds the rows of an hour.
const maxFocusRows = 200_000

var errFocusRows = errors.New("an hour has more than 200,000 rows: it cannot be exported")

func (f *focus) add(a *store.Attempt) error {
	if h := a.At.UTC().Truncate(time.Hour); !h.Equal(f.hour) {
		if err := f.flush(); err != nil {
			return err
		}
		f.hour = h
	}
	c := &a.Charge
	k := focusKey{
		key: a.KeyID, team: a.TeamID, user: a.UserID, tags: a.Tags, provider: a.Provider, kind: c.Kind, region: c.Region, model: a.ServedModel,
		tier: c.Tier, version: c.Version, estimated: a.Usage.Estimated, unpriced: !c.Known(),
	}
	for _, line := range Lines(f.book, a) {
		k.class, k.price = line.Class, line.Price
		s := f.sums[k]
		s.quantity += line.Quantity
		s.cost += int64(line.Nano)
		s.attempts++
		f.sums[k] = s
	}
	if len(f.sums) > maxFocusRows {
		return errFocusRows
	}
	return nil
}

// flush writes the rows of an hour.
func (f *focus) flush() error {
	rows := make([]focusRow, 0, len(f.sums))
	for k, s := range f.sums {
		rows = append(rows, focusRow{k, s, f.hour, f.names})
	}
	slices.SortFunc(rows, func(a, b focusRow) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.model, b.model), cmp.Compare(a.provider, b.provider), cmp.Compare(a.class, b.class),
			cmp.Compare(a.team, b.team), cmp.Compare(a.user, b.user), cmp.Compare(a.tags, b.tags), cmp.Compare(a.tier, b.tier), cmp.Compare(a.price, b.price),
			cmp.Compare(a.version, b.version), cmp.Compare(a.region, b.region), cmp.Compare(a.kind, b.kind), cmp.Compare(bit(a.estimated), bit(b.estimated)),
			cmp.Compare(bit(a.unpriced), bit(b.unpriced)))
	})
	for i := range rows {
		for j, c := range focusColumns {
			f.row[j] = c.of(&rows[i])
		}
		if err := f.out.Write(f.row); err != nil {
			return err
		}
	}
	clear(f.sums)
	return nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
