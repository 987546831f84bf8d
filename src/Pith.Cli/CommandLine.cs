using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Pith.Cli.Reporting;
using Pith.Cli.Verbs;
using Pith.Compression.Distribution;

namespace Pith.Cli;

/// <summary>Turns the list of verbs into a command line: options that every verb has, help with examples, exit codes, errors for people.</summary>
internal static class CommandLine
{
    /// <summary>A command line that shares nothing with another.</summary>
    public static RootCommand Build()
    {
        var common = new TerminalOptions();
        var root = new RootCommand("Pith makes trained networks small and fast: 2:4 sparsity and INT8, from ONNX to a running engine.\nStart with: pith demo") { common.Json, common.Quiet };
        root.HelpName = "pith";
        foreach (var verb in VerbCatalog.Create()) root.Add(new VerbCommand(verb, verb.Name, common));
        foreach (var verb in VerbCatalog.Create())
            if (verb.Alias is { } alias) root.Add(new VerbCommand(verb, alias, common) { Hidden = true });
        AddExamples(root, ["pith demo", "pith models resnet50 -o resnet50.onnx", "pith quantize net.onnx --data cifar10:folder --preprocess cifar10 -o net-int8.onnx", "pith eval net-int8.onnx --data cifar10:folder"]);
        return root;
    }

    public static int ReportUsage(ParseResult parsed, TextWriter output)
    {
        if (MpiGroup.LaunchedRank > 0) return Program.WrongUsage;
        foreach (var error in parsed.Errors) output.WriteLine($"pith: {SafeText.Of(error.Message)}");
        var command = parsed.CommandResult.Command;
        output.WriteLine(command is RootCommand ? "See: pith --help" : $"See: pith {command.Name} --help");
        return Program.WrongUsage;
    }

    /// <summary>How long the verb that was asked for may go on after a signal.</summary>
    public static TimeSpan? TimeToStop(ParseResult parsed) => (parsed.CommandResult.Command as VerbCommand)?.Verb.TimeToStop;

    /// <summary>The parser takes an option that it does not know for an argument; a file whose name begins with a dash is given as ./-name.</summary>
    private static void RefuseOptions(Argument argument) => argument.Validators.Add(result =>
    {
        foreach (var token in result.Tokens)
            if (token.Value.StartsWith('-')) result.AddError($"There is no option '{token.Value}'.");
    });

    private static int Run(Verb verb, TerminalOptions common, ParseResult parsed, CancellationToken cancellation)
    {
        var terminal = new Terminal(parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, json: parsed.GetValue(common.Json), quiet: parsed.GetValue(common.Quiet), MpiGroup.LaunchedRank);
        var exitCode = Run(verb, parsed, terminal, cancellation);
        MpiGroup.Leave(exitCode);
        return exitCode;
    }

    private static int Run(Verb verb, ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        try
        {
            if (MpiGroup.LaunchedSize > 1 && !verb.SpreadsOverRanks)
                throw new PithException($"{MpiGroup.LaunchedSize} processes were started together, but '{verb.Name}' does not share its work: all would do the same and write the same files. Run it without mpirun. These verbs share theirs: {string.Join(", ", VerbCatalog.Create().Where(other => other.SpreadsOverRanks).Select(other => other.Name))}.");
            return verb.Run(parsed, terminal, cancellation);
        }
        catch (UsageException wrong)
        {
            terminal.Error(wrong.Message, $"See: pith {verb.Name} --help");
            return Program.WrongUsage;
        }
        catch (PithException failure)
        {
            terminal.Error(failure.Message);
            return Program.Failed;
        }
        catch (OperationCanceledException)
        {
            terminal.Error("Stopped. Finished steps and checkpoints are kept; the same command goes on from there.");
            return Program.Failed;
        }
        catch (OutOfMemoryException)
        {
            terminal.Error("Out of memory. Try a smaller --batch, or a smaller network.");
            return Program.Failed;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            terminal.Error(failure.Message);
            return Program.Failed;
        }
        catch (Exception bug)
        {
            // The place is enough to find it by; a whole stack would bury the message.
            terminal.Error($"This is a bug in Pith, not in your input: {bug.GetType().Name} in {bug.TargetSite?.DeclaringType?.Name}.{bug.TargetSite?.Name}: {bug.Message}", "Please report it with the command line and the file.");
            return Program.Failed;
        }
    }

    private static void AddExamples(RootCommand root, IReadOnlyList<string> examples) => AddExamples(root.Options.OfType<HelpOption>().Single(), examples);

    private static void AddHelpWithExamples(Command command, IReadOnlyList<string> examples)
    {
        // Each verb gets a help option of its own; the recursive one of the root knows no examples.
        var help = new HelpOption();
        command.Add(help);
        AddExamples(help, examples);
    }

    private static void AddExamples(HelpOption help, IReadOnlyList<string> examples) => help.Action = new HelpWithExamples((HelpAction)help.Action!, examples);

    /// <summary>Options of every verb: what the terminal gets.</summary>
    private sealed class TerminalOptions
    {
        public Option<bool> Json { get; } = new("--json") { Description = "Write the result as JSON to standard output, and nothing else.", Recursive = true };

        public Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "Suppress progress and notes.", Recursive = true };
    }

    private sealed class VerbCommand : Command
    {
        public VerbCommand(Verb verb, string name, TerminalOptions common)
            : base(name, verb.Summary)
        {
            Verb = verb;
            verb.Declare(this);
            foreach (var argument in Arguments) RefuseOptions(argument);
            SetAction((parsed, cancellation) => Task.Run(() => CommandLine.Run(verb, common, parsed, cancellation), CancellationToken.None));
            AddHelpWithExamples(this, verb.Examples);
        }

        public Verb Verb { get; }
    }

    private sealed class HelpWithExamples(HelpAction help, IReadOnlyList<string> examples) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            var code = help.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine(examples.Count == 1 ? "Example:" : "Examples:");
            foreach (var example in examples) output.WriteLine("  " + example);
            return code;
        }
    }
}
