using System.Globalization;
using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;

namespace StreamMLOps.Host;

/// <summary>Akka's log events as lines of a file, and of standard error where asked: the live display needs the terminal for itself.</summary>
public sealed class NodeLogger : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    private readonly StreamWriter? _file;
    private readonly bool _stderr;

    public NodeLogger()
    {
        var config = Context.System.Settings.Config;
        _stderr = config.GetBoolean("stream-mlops.log.stderr", false);
        if (config.GetString("stream-mlops.log.file", null) is { Length: > 0 } path)
            _file = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(Write);
    }

    protected override void PostStop() => _file?.Dispose();

    private void Write(LogEvent e)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{e.Timestamp.ToUniversalTime():yyyy-MM-ddTHH:mm:ss.fffZ} {e.LogLevel()} {e.LogSource}: {e.Message}");
        if (e.Cause is { } cause) line += $"\n{cause}";
        _file?.WriteLine(line);
        if (_stderr) Console.Error.WriteLine(line);
    }
}
