package api

//go:generate go run ../../scripts/contract openapi.yaml openapi.gen.json
//go:generate oapi-codegen -config server.cfg.yaml openapi.yaml
//go:generate oapi-codegen -config client.cfg.yaml openapi.yaml
