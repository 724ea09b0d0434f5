package api

import (
	"context"
	"net"
	"net/http"
)

type stoppingKey struct{}

// tellFollowers makes a server's shutdown end the answers that never end by themselves;
// others have their time to finish.
func tellFollowers(server *http.Server) {
	stopping, stop := context.WithCancel(context.Background())
	server.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.Background(), stoppingKey{}, stopping)
	}
	server.RegisterOnShutdown(stop)
}

// untilStopping derives a context that is also done, with errStopping as its cause,
// when the server begins to stop.
func untilStopping(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stopping, known := ctx.Value(stoppingKey{}).(context.Context)
	if !known {
		return ctx, func() { cancel(nil) }
	}
	forget := context.AfterFunc(stopping, func() { cancel(errStopping) })
	return ctx, func() {
		forget()
		cancel(nil)
	}
}
