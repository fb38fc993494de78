using System.Runtime.InteropServices;

namespace StreamMLOps.Host;

/// <summary>Ctrl-C and termination: the first asks to stop cleanly, the second ends the process at once (what was learned is in the journal).</summary>
public sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    public Interrupts()
    {
        _registrations = [PosixSignalRegistration.Create(PosixSignal.SIGINT, Take), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Take)];
    }

    /// <summary>Cancelled by the first.</summary>
    public CancellationToken Stop => _stop.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _stop.Dispose();
    }

    private void Take(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _count) > 1) Environment.Exit(ExitStatus.Interrupted);
        // Not on the signal's thread: what waits for the token may run at once and for long.
        ThreadPool.UnsafeQueueUserWorkItem(_ => _stop.Cancel(), null);
    }
}
