package config

// Detect finds providers by the usual variables of the environment, given as
// KEY=value lines: OpenAI, Anthropic, Bedrock and Gemini, in that order. It is
// used when the configuration lists none.
func Detect(environ []string) []Provider {
	env := environment(environ)
	var found []Provider
	for _, v := range []struct{ name, key, url string }{
		{TypeOpenAI, "OPENAI_API_KEY", "OPENAI_BASE_URL"},
		{TypeAnthropic, "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"},
	} {
		if env.get(v.key) != "" {
			found = append(found, detectVendor(env, v.name, v.key, v.url))
		}
	}
	if p, ok := detectBedrock(env); ok {
		found = append(found, p)
	}
	if env.get("GEMINI_API_KEY") != "" {
		found = append(found, detectVendor(env, TypeGemini, "GEMINI_API_KEY", ""))
	}
	return found
}

func detectVendor(env lookup, kind, keyVar, urlVar string) Provider {
	p := NewProvider(kind, kind)
	p.APIKey = detectSecret(env, keyVar, &p)
	if url := env.get(urlVar); urlVar != "" && url != "" {
		if err := checkBaseURL(url); err != nil {
			p.disable(urlVar + " " + err.Error())
			return p
		}
		p.BaseURL = url
	}
	return p
}

// detectSecret reads a key; one that cannot be sent disables the provider
// instead of stopping the gateway.
func detectSecret(env lookup, name string, p *Provider) Secret {
	key := env.get(name)
	if !isHeaderSafe(key) {
		p.disable(name + " holds a space or a character that cannot stand in a header")
		return ""
	}
	return Secret(key)
}

// awsCredentialVars are the variables that make the AWS credential chain
// succeed without a configuration file, see "Environment variables" in the AWS
// SDKs and Tools Reference Guide.
var awsCredentialVars = []string{
	"AWS_BEARER_TOKEN_BEDROCK",
	"AWS_ACCESS_KEY_ID",
	"AWS_PROFILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
}

// detectBedrock needs a region and a sign of credentials. The credentials
// themselves are left to the AWS chain, which also renews them; only the
// Bedrock API key, which the chain does not know, is taken over.
func detectBedrock(env lookup) (Provider, bool) {
	region := regionOf(env)
	if region == "" {
		return Provider{}, false
	}
	for _, name := range awsCredentialVars {
		if env.get(name) == "" {
			continue
		}
		p := NewProvider(TypeBedrock, TypeBedrock)
		p.BearerToken = detectSecret(env, "AWS_BEARER_TOKEN_BEDROCK", &p)
		if !awsRegion.MatchString(region) {
			p.disable("AWS_REGION or AWS_DEFAULT_REGION is not a region such as us-east-1")
			return p, true
		}
		p.Region = region
		return p, true
	}
	return Provider{}, false
}

func regionOf(env lookup) string {
	if region := env.get("AWS_REGION"); region != "" {
		return region
	}
	return env.get("AWS_DEFAULT_REGION")
}
