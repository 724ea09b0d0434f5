package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newUserCommand() *cobra.Command {
	command := &cobra.Command{Use: "user", Short: "Users of a server and what they may do (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(a.newUserCreateCommand(), a.newUserListCommand(), a.newUserUpdateCommand(),
		a.remoteCommand("delete USER", "Remove a user with their grants, sessions and tokens", 1, func(ctx context.Context, r *remote, args []string) error {
			if _, err := r.read(r.api.DeleteUser(ctx, args[0])); err != nil {
				return err
			}
			return a.done("deleted " + args[0])
		}),
		a.newUserGrantCommand(),
		a.remoteCommand("grants USER", "A user's roles on single pipelines", 1, a.listGrants),
		a.remoteCommand("link USER", "Make a secret with which a user logs in once, soon", 1, func(ctx context.Context, r *remote, args []string) error {
			data, err := r.read(r.api.CreateLoginLink(ctx, args[0]))
			if err != nil {
				return err
			}
			return show(a, data, func(link client.LoginLink) {
				fmt.Fprintln(a.stdout, link.Token)
				fmt.Fprintf(a.stderr, "for %s, until %s; it is shown only now\n", link.User, when(&link.ExpiresAt))
			})
		}))
	return command
}

func (a *app) newUserCreateCommand() *cobra.Command {
	var role, name, email string
	command := a.remoteCommand("create NAME", "Make a user; user link or token create --user lets them in", 1, func(ctx context.Context, r *remote, args []string) error {
		data, err := r.read(r.api.CreateUser(ctx, client.NewUser{Name: args[0], Role: given(role), DisplayName: given(name), Email: given(email)}))
		if err != nil {
			return err
		}
		return show(a, data, func(u client.User) { fmt.Fprintf(a.stdout, "User %s (%s) has the role %s\n", u.Name, u.Id, u.Role) })
	})
	userFlags(command, &role, &name, &email)
	return command
}

func userFlags(command *cobra.Command, role, name, email *string) {
	command.Flags().StringVar(role, "role", "", "viewer, developer or admin")
	command.Flags().StringVar(name, "display-name", "", "what to show for them")
	command.Flags().StringVar(email, "email", "", "their e-mail address")
}

func (a *app) newUserListCommand() *cobra.Command {
	var after string
	var limit int
	command := a.remoteCommand("list", "Users, newest first", 0, func(ctx context.Context, r *remote, _ []string) error {
		data, err := r.read(r.api.ListUsers(ctx, &client.ListUsersParams{Limit: given(limit), After: given(after)}))
		if err != nil {
			return err
		}
		return show(a, data, func(list []client.User) {
			table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			defer table.Flush()
			fmt.Fprintln(table, "NAME\tROLE\tDISPLAY NAME\tE-MAIL\tSTATE\tCREATED\tID")
			for _, u := range list {
				state := "enabled"
				if u.Disabled {
					state = "disabled"
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", u.Name, u.Role, text(u.DisplayName), text(u.Email), state, when(&u.CreatedAt), u.Id)
			}
		})
	})
	pageFlags(command, &limit, &after)
	return command
}

func (a *app) newUserUpdateCommand() *cobra.Command {
	var role, name, email string
	var enable, disable bool
	command := a.remoteCommand("update USER", "Change a user; what is not given stays", 1, nil)
	userFlags(command, &role, &name, &email)
	command.Flags().BoolVar(&enable, "enable", false, "let them in again")
	command.Flags().BoolVar(&disable, "disable", false, "let them in no more, and end their sessions")
	command.MarkFlagsMutuallyExclusive("enable", "disable")
	command.MarkFlagsOneRequired("role", "display-name", "email", "enable", "disable")
	command.RunE = func(command *cobra.Command, args []string) error {
		r, err := a.newRemote()
		if err != nil {
			return err
		}
		body := client.UserUpdate{Role: given(role)}
		// Both may be taken away.
		if command.Flags().Changed("display-name") {
			body.DisplayName = &name
		}
		if command.Flags().Changed("email") {
			body.Email = &email
		}
		if enable || disable {
			body.Disabled = &disable
		}
		data, err := r.read(r.api.UpdateUser(command.Context(), args[0], body))
		if err != nil {
			return err
		}
		return show(a, data, func(u client.User) { fmt.Fprintf(a.stdout, "changed %s\n", u.Name) })
	}
	return command
}

func (a *app) newUserGrantCommand() *cobra.Command {
	var pipeline, role string
	var remove bool
	command := a.remoteCommand("grant USER", "Give a user another role on one pipeline, or take it back", 1, func(ctx context.Context, r *remote, args []string) error {
		if remove {
			if _, err := r.read(r.api.DeleteGrant(ctx, args[0], pipeline)); err != nil {
				return err
			}
			return a.done("took the grant back")
		}
		data, err := r.read(r.api.SetGrant(ctx, args[0], pipeline, client.NewGrant{Role: role}))
		if err != nil {
			return err
		}
		return show(a, data, func(g client.Grant) { fmt.Fprintf(a.stdout, "%s: %s on %s\n", args[0], g.Role, g.PipelineId) })
	})
	f := command.Flags()
	f.StringVar(&pipeline, "pipeline", "", "the pipeline (its ID)")
	f.StringVar(&role, "role", "", "viewer, developer, admin, or none, which hides the pipeline")
	f.BoolVar(&remove, "remove", false, "leave them with the role they have everywhere")
	command.MarkFlagsOneRequired("role", "remove")
	command.MarkFlagsMutuallyExclusive("role", "remove")
	_ = command.MarkFlagRequired("pipeline") // it fails only for a flag that is not there
	return command
}

func (a *app) listGrants(ctx context.Context, r *remote, args []string) error {
	data, err := r.read(r.api.ListGrants(ctx, args[0]))
	if err != nil {
		return err
	}
	return show(a, data, func(list []client.Grant) {
		table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		defer table.Flush()
		fmt.Fprintln(table, "PIPELINE\tROLE\tSINCE\tBY")
		for _, g := range list {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", g.PipelineId, g.Role, when(&g.UpdatedAt), text(g.UpdatedBy))
		}
	})
}
