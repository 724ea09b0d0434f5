package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/patchbay-ci/patchbay/core/api/client"
	"github.com/patchbay-ci/patchbay/core/mask"
	"github.com/patchbay-ci/patchbay/core/secrets"
	"github.com/patchbay-ci/patchbay/core/store/sqlite"
)

func (a *app) newSecretCommand() *cobra.Command {
	command := &cobra.Command{Use: "secret", Short: "Secrets of a server (PATCHBAY_URL, PATCHBAY_TOKEN); values are never shown"}
	command.AddCommand(a.newSecretSetCommand(), a.newSecretListCommand(), a.newSecretDeleteCommand(), a.newSecretRotateCommand())
	return command
}

// optional returns nil for "", as the generated client wants parameters.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (a *app) newSecretSetCommand() *cobra.Command {
	var pipeline, file string
	command := a.remoteCommand("set NAME", "Store a secret; its value is read from the terminal, from standard input, or from a file", 1,
		func(ctx context.Context, r *remote, args []string) error {
			value, err := a.secretValue(args[0], file)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			_, err = r.read(r.api.SetSecret(ctx, args[0], &client.SetSecretParams{PipelineId: optional(pipeline)}, client.SetSecretJSONRequestBody{Value: value}))
			if err != nil {
				return err
			}
			if !mask.Maskable(value) {
				fmt.Fprintf(a.stderr, "warning: the value of %s is too short or too common a word to be masked in logs\n", args[0])
			}
			return a.done("stored " + args[0])
		})
	command.Flags().StringVar(&pipeline, "pipeline", "", "only for this pipeline (its ID); global otherwise")
	command.Flags().StringVar(&file, "from-file", "", "take the value from this file, as it is")
	return command
}

// secretValue reads a value without ever showing it. What is piped in loses one line
// end, as echo adds one; a file is taken as it is.
func (a *app) secretValue(name, file string) (string, error) {
	if file != "" {
		opened, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer opened.Close()
		return readBounded(opened, file)
	}
	if stdin, ok := a.stdin.(*os.File); ok && isTerminal(stdin) {
		fmt.Fprintf(a.stderr, "Value of %s (it is not shown): ", name)
		value, err := term.ReadPassword(int(stdin.Fd()))
		fmt.Fprintln(a.stderr)
		return string(value), err
	}
	value, err := readBounded(a.stdin, "standard input")
	return strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r"), err
}

// readBounded reads a value and its line end, and refuses what is longer: a part of a
// secret must not be taken for it.
func readBounded(r io.Reader, source string) (string, error) {
	const most = secrets.MaxValue + len("\r\n")
	value, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(value) > most {
		err = fmt.Errorf("%s has more than %d bytes, which is the most for a secret", source, secrets.MaxValue)
	}
	return string(value), err
}

// done says that something was done, to people or to programs.
func (a *app) done(message string) error {
	if a.output == "json" {
		return a.printJSON(map[string]string{"message": message})
	}
	fmt.Fprintln(a.stdout, message)
	return nil
}

func (a *app) newSecretListCommand() *cobra.Command {
	var pipeline string
	command := a.remoteCommand("list", "The names of the secrets of a scope", 0, func(ctx context.Context, r *remote, _ []string) error {
		data, err := r.readList(func(after *string) (*http.Response, error) {
			return r.api.ListSecrets(ctx, &client.ListSecretsParams{PipelineId: optional(pipeline), After: after})
		})
		if err != nil {
			return err
		}
		return show(a, data, func(list []client.Secret) {
			table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			defer table.Flush()
			fmt.Fprintln(table, "NAME\tUPDATED\tBY")
			for _, s := range list {
				by := ""
				if s.UpdatedBy != nil {
					by = *s.UpdatedBy
				}
				fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, when(&s.UpdatedAt), by)
			}
		})
	})
	command.Flags().StringVar(&pipeline, "pipeline", "", "those of this pipeline (its ID); the global ones otherwise")
	return command
}

func (a *app) newSecretDeleteCommand() *cobra.Command {
	var pipeline string
	command := a.remoteCommand("delete NAME", "Forget a secret", 1, func(ctx context.Context, r *remote, args []string) error {
		if _, err := r.read(r.api.DeleteSecret(ctx, args[0], &client.DeleteSecretParams{PipelineId: optional(pipeline)})); err != nil {
			return err
		}
		return a.done("deleted " + args[0])
	})
	command.Flags().StringVar(&pipeline, "pipeline", "", "that of this pipeline (its ID); the global one otherwise")
	return command
}

func (a *app) newSecretRotateCommand() *cobra.Command {
	var data string
	command := &cobra.Command{
		Use:   "rotate",
		Short: "Encrypt all secrets with a new key and forget the old ones",
		Long: "Encrypt all secrets with a new key and forget the old ones: on the server (PATCHBAY_URL,\n" +
			"PATCHBAY_TOKEN), or with --data in the data folder of one that is not running.\n" +
			"Interrupted, it can be repeated; nothing gets lost.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if data != "" {
				return a.rotateOffline(command.Context(), data)
			}
			r, err := a.newRemote()
			if err != nil {
				return err
			}
			answer, err := r.read(r.api.RotateSecrets(command.Context()))
			if err != nil {
				return err
			}
			return show(a, answer, func(result client.SecretRotation) {
				fmt.Fprintf(a.stdout, "%d secrets are encrypted with a new key\n", result.Secrets)
			})
		},
	}
	command.Flags().StringVar(&data, "data", "", "the data folder of a server that is not running")
	return command
}

func (a *app) rotateOffline(ctx context.Context, data string) (err error) {
	folders, err := dataFoldersOf(data)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if _, err := os.Stat(folders.database); err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s is no data folder of a server: %w", data, err)}
	}
	lock, err := lockFolder(data)
	if err != nil {
		return &exitError{exitFailed, fmt.Errorf("%w; a running server does it when --data is left out", err)}
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	store, err := sqlite.Open(ctx, folders.database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	service, err := a.openSecrets(ctx, store, data)
	if err != nil {
		return err
	}
	n, err := service.Rotate(ctx)
	if err != nil {
		return err
	}
	return a.done(fmt.Sprintf("%d secrets are encrypted with a new key", n))
}

// keysFile is the name of the file of keys in a data folder.
const keysFile = "secrets.keys"

// openSecrets opens the secrets of a data folder.
func (a *app) openSecrets(ctx context.Context, store secrets.Store, data string) (*secrets.Service, error) {
	key, err := secrets.ParseWrappingKey(a.getenv("PATCHBAY_KEYSET_KEY"))
	if err != nil {
		return nil, fmt.Errorf("PATCHBAY_KEYSET_KEY: %w", err)
	}
	return secrets.Open(ctx, store, filepath.Join(data, keysFile), key)
}
