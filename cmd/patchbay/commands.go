package main

import "github.com/spf13/cobra"

// commands lists the subcommands, each made in a file of its own.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.newRunCommand(),
		a.newValidateCommand(),
		a.newInitCommand(),
		a.newServerCommand(),
		a.newPluginCommand(),
		a.newPipelineCommand(),
		a.newExecutionCommand(),
		a.newSecretCommand(),
		a.newQueueCommand(),
		a.newServiceCommand(),
		a.newScheduleCommand(),
		a.newWebhookCommand(),
		a.newTokenCommand(),
		a.newUserCommand(),
		a.newSessionCommand(),
		a.newAuditCommand(),
	}
}
