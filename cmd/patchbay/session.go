package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newSessionCommand() *cobra.Command {
	command := &cobra.Command{Use: "session", Short: "Logins at a server (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(a.newSessionListCommand(), a.newSessionRevokeCommand())
	return command
}

func (a *app) newSessionListCommand() *cobra.Command {
	var user, after string
	var limit int
	command := a.remoteCommand("list", "Sessions, newest first", 0, func(ctx context.Context, r *remote, _ []string) error {
		data, err := r.read(r.api.ListSessions(ctx, &client.ListSessionsParams{User: given(user), Limit: given(limit), After: given(after)}))
		if err != nil {
			return err
		}
		return show(a, data, func(list []client.Session) {
			table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			defer table.Flush()
			fmt.Fprintln(table, "ID\tBY\tBEGAN\tLAST USED\tADDRESS\tSTATE\tCLIENT")
			for _, s := range list {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%.60s\n", s.Id, s.Method, when(&s.CreatedAt), when(&s.LastUsedAt), text(s.Address),
					sessionState(&s, time.Now()), text(s.UserAgent))
			}
		})
	})
	command.Flags().StringVar(&user, "user", "", "those of this user; for administrators")
	pageFlags(command, &limit, &after)
	return command
}

func sessionState(s *client.Session, now time.Time) string {
	switch {
	case s.RevokedAt != nil:
		return "over: " + text(s.RevokeReason)
	case !now.Before(s.ExpiresAt):
		return "expired"
	}
	return "good"
}

func (a *app) newSessionRevokeCommand() *cobra.Command {
	var user string
	var all bool
	command := &cobra.Command{
		Use:   "revoke [ID]",
		Short: "End a session, or with --all every one",
		Args: func(_ *cobra.Command, args []string) error {
			if all != (len(args) == 0) || len(args) > 1 {
				return fmt.Errorf("give the ID of one session, or --all")
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			r, err := a.newRemote()
			if err != nil {
				return err
			}
			if !all {
				if _, err := r.read(r.api.RevokeSession(command.Context(), args[0])); err != nil {
					return err
				}
				return a.done("revoked " + args[0])
			}
			data, err := r.read(r.api.LogoutEverywhere(command.Context(), &client.LogoutEverywhereParams{User: given(user)}))
			if err != nil {
				return err
			}
			return show(a, data, func(ended client.SessionsEnded) { fmt.Fprintf(a.stdout, "%d sessions are over\n", ended.Sessions) })
		},
	}
	command.Flags().BoolVar(&all, "all", false, "end all sessions")
	command.Flags().StringVar(&user, "user", "", "with --all: those of this user; for administrators")
	return command
}
