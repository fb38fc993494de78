using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Akka.Actor;
using StreamMLOps.Actors;

namespace StreamMLOps.Host;

/// <summary>
/// Where a node is asked to change something: a Unix domain socket that only the user who runs the node may open, so no port is open and the file system says who may. A
/// connection is one request and its answer, a line of JSON each.
/// </summary>
public sealed class ControlSocket : IAsyncDisposable
{
    private const int MaxPath = 100; // bytes; sockaddr_un has 104 to 108
    private const int MaxLine = 64 << 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Socket _socket;
    private readonly string _path;
    private readonly Task _serving;
    private bool _disposed;

    private ControlSocket(Socket socket, string path, Func<ControlRequest, Task<ControlAnswer>> answer)
    {
        (_socket, _path) = (socket, path);
        _serving = Task.Run(() => Serve(answer));
    }

    /// <summary>Listens for whoever asks the node on this folder.</summary>
    /// <param name="folder">The data folder, held by this process.</param>
    /// <param name="pipelines">What runs here.</param>
    public static ControlSocket Start(DataFolder folder, IReadOnlyList<PipelineRuntime> pipelines) => Start(folder, request => Change(pipelines, request));

    /// <summary>Likewise, with any answers.</summary>
    public static ControlSocket Start(DataFolder folder, Func<ControlRequest, Task<ControlAnswer>> answer)
    {
        var path = PathFor(folder);
        File.Delete(path); // of a node that was killed: the folder is this process's
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            socket.Listen();
            return new ControlSocket(socket, path, answer);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Asks the node that runs on a folder.</summary>
    /// <exception cref="BadInputException">No node runs there, or this user may not ask it.</exception>
    /// <exception cref="TimeoutException">It does not answer.</exception>
    public static async Task<ControlAnswer> Ask(DataFolder folder, ControlRequest request, CancellationToken stop)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(PathFor(folder)), patience.Token).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new BadInputException(e.SocketErrorCode == SocketError.AccessDenied ? $"the node on {folder.Path} was started by another user, and only that user may change what it does"
                : $"no node runs on {folder.Path}, and its learner can be changed only where one does: start it (run or node), or name the folder of another node of its cluster with --data-folder", e);
        }
        await using var stream = new NetworkStream(socket);
        try
        {
            await WriteLine(stream, JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest), patience.Token).ConfigureAwait(false);
            return JsonSerializer.Deserialize(await ReadLine(stream, patience.Token).ConfigureAwait(false), ControlJson.Default.ControlAnswer) ?? throw new IOException("no answer");
        }
        catch (Exception e) when ((e is OperationCanceledException && !stop.IsCancellationRequested) || e is IOException or JsonException)
        {
            throw new TimeoutException($"the node on {folder.Path} took the command and did not answer; whether it was done is in its alerts, and asking again tells", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true)) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _serving.ConfigureAwait(false);
        File.Delete(_path);
        _stopping.Dispose();
    }

    private static async Task<ControlAnswer> Change(IReadOnlyList<PipelineRuntime> pipelines, ControlRequest request)
    {
        var names = string.Join(", ", pipelines.Select(p => p.Parts.Learner.Name));
        if (request.Message() is not { } message) return ControlAnswer.Refused($"the node does not know the command '{request.Command}': it runs another version");
        if (request.Pipeline is null && pipelines.Count > 1) return ControlAnswer.Refused($"the node runs several pipelines; choose one with --pipeline: {names}");
        var pipeline = request.Pipeline is null ? pipelines[0] : pipelines.FirstOrDefault(p => p.Parts.Learner.Name == request.Pipeline);
        if (pipeline is null) return ControlAnswer.Refused($"the node runs no pipeline '{request.Pipeline}'; it runs: {names}");
        var name = pipeline.Parts.Learner.Name;
        try
        {
            var (version, why) = await pipeline.Change(message).ConfigureAwait(false);
            return new ControlAnswer(name, version?.ToString(), why);
        }
        catch (AskTimeoutException)
        {
            return ControlAnswer.Refused("the learner does not answer: it is recovering, or its database is away. It may still do what was asked; asking again tells", name);
        }
    }

    private async Task Serve(Func<ControlRequest, Task<ControlAnswer>> answer)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var connection = await _socket.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                _ = Task.Run(() => Serve(connection, answer));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // Whoever asked has gone already, or this process has no descriptor left: then it does not try again at once.
                await Task.Delay(100).ConfigureAwait(false);
            }
        }
    }

    private static async Task Serve(Socket connection, Func<ControlRequest, Task<ControlAnswer>> answer)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await using var stream = new NetworkStream(connection, ownsSocket: true);
            ControlAnswer reply;
            try
            {
                var request = JsonSerializer.Deserialize(await ReadLine(stream, patience.Token).ConfigureAwait(false), ControlJson.Default.ControlRequest);
                reply = request is { Command: not null, Who.Length: > 0, Why.Length: > 0 } ? await answer(request).ConfigureAwait(false) : ControlAnswer.Refused("a request names its command, who asks and why");
            }
            catch (JsonException e)
            {
                reply = ControlAnswer.Refused($"the request is no JSON of this form: {e.Message}");
            }
            await WriteLine(stream, JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlAnswer), patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // Whoever asked has gone, or never said what it wanted.
        }
    }

    private static async Task WriteLine(NetworkStream stream, byte[] json, CancellationToken stop) => await stream.WriteAsync((byte[])[.. json, (byte)'\n'], stop).ConfigureAwait(false);

    private static async Task<byte[]> ReadLine(NetworkStream stream, CancellationToken stop)
    {
        var (line, buffer) = (new MemoryStream(), new byte[4096]);
        while (await stream.ReadAsync(buffer, stop).ConfigureAwait(false) is > 0 and var read)
        {
            var end = Array.IndexOf(buffer, (byte)'\n', 0, read);
            line.Write(buffer, 0, end < 0 ? read : end);
            if (end >= 0) return line.ToArray();
            if (line.Length > MaxLine) throw new IOException("the line is too long");
        }
        throw new IOException("the connection ended before its line did");
    }

    // Socket paths are short by the operating system's rule; a folder whose path is longer has its socket among the temporary files, under its id.
    private static string PathFor(DataFolder folder)
    {
        var path = Path.Combine(folder.Path, "control");
        return Encoding.UTF8.GetByteCount(path) <= MaxPath ? path : Path.Combine(Path.GetTempPath(), $"streammlops-{folder.Id}");
    }
}
