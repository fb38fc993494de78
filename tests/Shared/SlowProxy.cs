using System.Net;
using System.Net.Sockets;

namespace StreamMLOps.Tests;

/// <summary>A TCP proxy on 127.0.0.1 that delays requests, and that cuts and restores the way to a server.</summary>
public sealed class SlowProxy : IDisposable
{
    private readonly Lock _gate = new();
    private readonly HashSet<Socket> _open = [];
    private readonly int _target;
    private Socket? _listener;
    private long _delay;
    private long _requests;

    /// <summary>Opens the way to a port on 127.0.0.1.</summary>
    public SlowProxy(int target)
    {
        _target = target;
        Port = FreePort.Next();
        Restore();
    }

    /// <summary>The proxy's port on 127.0.0.1, the same after it was cut and restored.</summary>
    public int Port { get; }

    /// <summary>
    /// How long a request waits before it goes on. A request begins where the client speaks after the server's last answer, so
    /// one that comes in pieces waits once, and so do several that are sent without awaiting an answer.
    /// </summary>
    public TimeSpan Delay
    {
        get => new(Volatile.Read(ref _delay));
        set => Volatile.Write(ref _delay, value.Ticks);
    }

    /// <summary>How many requests have gone on.</summary>
    public long Requests => Volatile.Read(ref _requests);

    /// <summary>Resets all connections and refuses new ones.</summary>
    public void Cut()
    {
        lock (_gate)
        {
            _listener?.Dispose();
            _listener = null;
            foreach (var socket in _open) Reset(socket);
            _open.Clear();
        }
    }

    /// <summary>Takes connections again, on the same port.</summary>
    public void Restore()
    {
        lock (_gate)
        {
            if (_listener is not null) return;
            var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
                listener.Listen();
            }
            catch
            {
                listener.Dispose();
                throw;
            }
            _listener = listener;
            _ = Accept(listener);
        }
    }

    /// <summary>Cuts for good.</summary>
    public void Dispose() => Cut();

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side was quicker.
        }
        socket.Dispose();
    }

    private async Task Accept(Socket listener)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
            _ = Connect(listener, client);
        }
    }

    private async Task Connect(Socket listener, Socket client)
    {
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            lock (_gate)
            {
                // Taken before a cut and served after it, it would outlive the cut.
                if (_listener != listener) return;
                _open.Add(client);
                _open.Add(server);
            }
            client.NoDelay = server.NoDelay = true;
            await server.ConnectAsync(IPAddress.Loopback, _target).ConfigureAwait(false);
            var turn = new Turn();
            await Task.WhenAll(Forward(client, server, turn), Return(server, client, turn)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut, or the server is away: the client sees its connection reset.
        }
        finally
        {
            lock (_gate)
            {
                _open.Remove(client);
                _open.Remove(server);
            }
            Reset(client);
            Reset(server);
        }
    }

    private async Task Forward(Socket client, Socket server, Turn turn)
    {
        var buffer = new byte[1 << 16];
        while (await Receive(client, server, buffer).ConfigureAwait(false) is var read and > 0)
        {
            if (turn.TryBegin())
            {
                if (Delay is { Ticks: > 0 } delay) await Task.Delay(delay).ConfigureAwait(false);
                Interlocked.Increment(ref _requests);
            }
            await Send(server, buffer.AsMemory(0, read)).ConfigureAwait(false);
        }
        server.Shutdown(SocketShutdown.Send);
    }

    private static async Task Return(Socket server, Socket client, Turn turn)
    {
        var buffer = new byte[1 << 16];
        while (await Receive(server, client, buffer).ConfigureAwait(false) is var read and > 0)
        {
            turn.End();
            await Send(client, buffer.AsMemory(0, read)).ConfigureAwait(false);
        }
        client.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Reads; a connection that breaks takes its other half along, so that the other direction does not wait for ever.</summary>
    private static async Task<int> Receive(Socket from, Socket to, byte[] buffer)
    {
        try
        {
            return await from.ReceiveAsync(buffer).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            Reset(to);
            throw;
        }
    }

    private static async Task Send(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty) bytes = bytes[await socket.SendAsync(bytes).ConfigureAwait(false)..];
    }

    /// <summary>Whose turn it is to speak: the client's at first, and after an answer.</summary>
    private sealed class Turn
    {
        private int _servers;

        public bool TryBegin() => Interlocked.Exchange(ref _servers, 1) == 0;

        public void End() => Volatile.Write(ref _servers, 0);
    }
}
