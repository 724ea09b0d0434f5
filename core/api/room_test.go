package api

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestLargeTextsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		room, large := newRoom(), make([]byte, maxSource)
		giveBack, err := room.take(t.Context(), large)
		if err != nil {
			t.Fatal(err)
		}
		gone, leave := context.WithCancel(t.Context())
		refused, admitted := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := room.take(gone, large)
			refused <- err
		}()
		synctest.Wait()
		go func() {
			giveBack, err := room.take(t.Context(), large)
			if err == nil {
				giveBack()
			}
			admitted <- err
		}()
		synctest.Wait()
		if len(refused)+len(admitted) > 0 {
			t.Fatal("there was room for a second file of the largest size")
		}
		leave()
		if err := <-refused; err == nil {
			t.Error("a client that went away was let in")
		}
		giveBack()
		if err := <-admitted; err != nil {
			t.Errorf("the next in turn: %v", err)
		}
	})
}
