using System.Globalization;
using System.Runtime.InteropServices;

namespace StreamMLOps.Tests;

/// <summary>A process of Linux by its id and start time, so that a signal never reaches a later process of the same id.</summary>
/// <param name="Id">The process id.</param>
/// <param name="Started">Clock ticks after boot: field 22 of <c>/proc/ID/stat</c> (proc(5)).</param>
internal readonly record struct UnixProcess(int Id, ulong Started)
{
    private const int Kill = 9;
    private const int Continue = 18;
    private const int Stop = 19;

    /// <summary>The process that has the id now, or null.</summary>
    public static UnixProcess? Find(int id) => Read(id) is { } stat ? new UnixProcess(id, stat.Started) : null;

    /// <summary>Whether it is there and has not ended; one that its parent has yet to collect has ended.</summary>
    public bool Runs => Read(Id) is { } stat && stat.Started == Started && stat.State is not ('Z' or 'X');

    /// <summary>Its children now.</summary>
    public UnixProcess[] Children()
    {
        var parent = Id;
        return [.. from folder in Directory.EnumerateDirectories("/proc")
                   let id = int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0
                   where id > 0
                   let stat = Read(id)
                   where stat is not null && stat.Value.Parent == parent
                   select new UnixProcess(id, stat.Value.Started)];
    }

    /// <summary>Ends it and its children by SIGKILL, and waits until they are gone.</summary>
    public void KillWithChildren()
    {
        // Stopped first, so that no child is born between the look and the end.
        SignalStop();
        UnixProcess[] all = [this, .. Children()];
        foreach (var process in all) process.Signal(Kill);
        foreach (var process in all) process.Await(() => !process.Runs, "end");
    }

    /// <summary>Stops it and its children by SIGSTOP: connections stay open and nothing answers.</summary>
    public void PauseWithChildren()
    {
        SignalStop();
        foreach (var child in Children()) child.SignalStop();
    }

    /// <summary>Lets what <see cref="PauseWithChildren"/> stopped go on.</summary>
    public void ResumeWithChildren()
    {
        foreach (var child in Children()) child.Signal(Continue);
        Signal(Continue);
    }

    private void SignalStop()
    {
        Signal(Stop);
        var process = this;
        Await(() => !process.Runs || Read(process.Id)?.State == 'T', "stop");
    }

    private void Signal(int signal)
    {
        if (!Runs) return;
        if (SendSignal(Id, signal) != 0 && Runs) throw new InvalidOperationException($"process {Id} did not take signal {signal}: error {Marshal.GetLastPInvokeError()}");
    }

    private void Await(Func<bool> done, string what)
    {
        if (!SpinWait.SpinUntil(done, TimeSpan.FromSeconds(10))) throw new TimeoutException($"process {Id} did not {what} within 10 s");
    }

    private static (char State, int Parent, ulong Started)? Read(int id)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{id.ToString(CultureInfo.InvariantCulture)}/stat");
            // The name before the last parenthesis may hold blanks and parentheses.
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture), ulong.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null; // ended meanwhile
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int id, int signal);
}
