package main

import "context"

func checkCommand() *subcommand {
	return &subcommand{
		name:    "check",
		args:    "[--config FILE]",
		summary: "checks a configuration and tells what would run, opening nothing",
		help: `No sensor, broker or password file is touched, so a configuration can be
checked on any machine. Everything that is wrong is told at once, each with its
line and what to write instead; the exit code is then 78.`,
		run: func(_ context.Context, e *env, args []string) error {
			var s settings
			f := e.flags()
			s.register(f)
			s.registerBroker(f)
			if err := e.parse(f, args, 1); err != nil {
				return err
			}
			if s.path == "" || f.NArg() > 0 {
				s.path = f.Arg(0) // `check FILE` is what one types
			}
			c, err := s.load()
			if err != nil {
				return err
			}
			return c.Describe(e.stdout)
		},
	}
}
