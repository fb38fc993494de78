using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Commands that change what a running learner does: each is an event of the journal, with who asked, when and why.</summary>
public sealed class ChangeCommand(Terminal terminal)
{
    private const int MaxText = 1000; // characters

    /// <summary>Asks the node on a data folder.</summary>
    /// <param name="dataFolder">The folder; null: the default.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="stop">Gives up waiting for the answer.</param>
    public async Task<int> Run(string? dataFolder, ControlRequest request, CancellationToken stop)
    {
        foreach (var (option, text) in ((string, string)[])[("--who", request.Who), ("--why", request.Why)])
        {
            if (string.IsNullOrWhiteSpace(text)) throw new BadInputException($"{option} must say something: it stays in the journal for ever");
            if (text.Length > MaxText) throw new BadInputException($"{option} has {Figures.Count(text.Length)} characters; {Figures.Count(MaxText)} are the most");
        }
        var folder = DataFolder.Read(dataFolder ?? JournalCommands.DefaultFolder());
        var answer = await ControlSocket.Ask(folder, request, stop).ConfigureAwait(false);
        if (answer.Version is null) throw new BadInputException($"{request.Command}: {(answer.Pipeline.Length == 0 ? "" : $"{answer.Pipeline}: ")}{answer.Refusal}");
        terminal.Out.WriteLine($"{answer.Pipeline}: {Done(request.Command)}, as version {answer.Version}");
        return ExitStatus.Ok;
    }

    private static string Done(string command) => command switch
    {
        "freeze" => "learning is frozen; scoring goes on with what was learned",
        "thaw" => "learning goes on",
        _ => "the pseudo-labels of the group are taken back",
    };
}
