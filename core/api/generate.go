package api

//go:generate oapi-codegen -config server.cfg.yaml openapi.yaml
//go:generate oapi-codegen -config client.cfg.yaml openapi.yaml
