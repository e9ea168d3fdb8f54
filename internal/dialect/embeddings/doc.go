// Package embeddings speaks OpenAI's embeddings API to clients and the forms in
// which upstreams take the same wish: OpenAI's own, Titan, Nova and Cohere on
// Bedrock, Gemini and Vertex.
//
// The road is: DecodeRequest; Form.Split tells which inputs go into which call;
// Form.Encode and Form.Decode make each call; Response.Append joins the answers;
// Response.Check compares them with what was asked; EncodeResponse tells the client.
package embeddings
