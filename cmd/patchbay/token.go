package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
	"github.com/patchbay-ci/patchbay/core/config"
)

func (a *app) newTokenCommand() *cobra.Command {
	command := &cobra.Command{Use: "token", Short: "API tokens of a server (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(a.newTokenCreateCommand(), a.newTokenListCommand(),
		a.remoteCommand("revoke ID", "Make a token good for nothing, with the sessions that began with it", 1, func(ctx context.Context, r *remote, args []string) error {
			if _, err := r.read(r.api.RevokeToken(ctx, args[0])); err != nil {
				return err
			}
			return a.done("revoked " + args[0])
		}))
	return command
}

func (a *app) newTokenCreateCommand() *cobra.Command {
	var user, role, expires string
	var scopes, pipelines []string
	command := a.remoteCommand("create NAME", "Make a token; it is shown this once", 1, func(ctx context.Context, r *remote, args []string) error {
		body := client.NewToken{Name: args[0], User: given(user), Role: given(role), Scopes: listOf(scopes), PipelineIds: listOf(pipelines)}
		if expires != "" {
			at, err := expiry(expires, time.Now())
			if err != nil {
				return &exitError{exitUsage, err}
			}
			body.ExpiresAt = &at
		}
		data, err := r.read(r.api.CreateToken(ctx, body))
		if err != nil {
			return err
		}
		return show(a, data, func(made client.CreatedToken) {
			fmt.Fprintln(a.stdout, made.Secret)
			fmt.Fprintf(a.stderr, "token %s (%s): it is shown only now\n", made.Token.Name, made.Token.Id)
		})
	})
	f := command.Flags()
	f.StringVar(&user, "user", "", "make it for this user; for administrators")
	f.StringVar(&role, "role", "", "give it no more than this role: viewer, developer or admin")
	f.StringSliceVar(&scopes, "scope", nil, "what it is good for, as in executions:write; everything otherwise (can be repeated)")
	f.StringSliceVar(&pipelines, "pipeline", nil, "the pipeline it is good for (its ID); all otherwise (can be repeated)")
	f.StringVar(&expires, "expires", "", "after how long it expires, as in 90d or 12h; never otherwise")
	return command
}

// listOf returns nil for an empty list, as the generated client wants parameters.
func listOf(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}

// expiry reads a duration from now on, or a time.
func expiry(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	life, err := parseDays("--expires", config.Text(text))
	if err != nil {
		return time.Time{}, err
	}
	return now.Add(life).UTC().Truncate(time.Second), nil
}

func (a *app) newTokenListCommand() *cobra.Command {
	var user, after string
	var all bool
	var limit int
	command := a.remoteCommand("list", "Tokens, newest first; never their secrets", 0, func(ctx context.Context, r *remote, _ []string) error {
		data, err := r.read(r.api.ListTokens(ctx, &client.ListTokensParams{User: given(user), All: given(all), Limit: given(limit), After: given(after)}))
		if err != nil {
			return err
		}
		return show(a, data, func(list []client.Token) {
			table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			defer table.Flush()
			fmt.Fprintln(table, "ID\tNAME\tBEGINS WITH\tLIMITS\tLAST USED\tEXPIRES\tSTATE")
			for _, t := range list {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.Id, t.Name, text(t.Prefix), tokenLimits(&t), when(t.LastUsedAt), when(t.ExpiresAt), tokenState(&t, time.Now()))
			}
		})
	})
	command.Flags().StringVar(&user, "user", "", "those of this user; for administrators")
	command.Flags().BoolVar(&all, "all", false, "those of all users; for administrators")
	pageFlags(command, &limit, &after)
	return command
}

// tokenLimits says what a token is not good for.
func tokenLimits(t *client.Token) string {
	var limits []string
	if t.Role != nil {
		limits = append(limits, "as "+*t.Role)
	}
	if t.Scopes != nil {
		limits = append(limits, strings.Join(*t.Scopes, " "))
	}
	if t.PipelineIds != nil {
		limits = append(limits, fmt.Sprintf("%d pipelines", len(*t.PipelineIds)))
	}
	return strings.Join(limits, ", ")
}

func tokenState(t *client.Token, now time.Time) string {
	switch {
	case t.RevokedAt != nil && t.Kind == client.Link:
		return "used"
	case t.RevokedAt != nil:
		return "revoked"
	case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
		return "expired"
	case t.Kind == client.Link:
		return "login link"
	}
	return "good"
}
