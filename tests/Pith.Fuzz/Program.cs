using Pith.Fuzz.Campaign;
using Pith.Fuzz.Serving;

namespace Pith.Fuzz;

/// <summary>
/// <c>run MINUTES [FAMILY]</c> goes on with fresh random cases, <c>storm COUNT</c> sends hostile requests to a server, <c>repro CASE [FOLDER]</c> repeats one, <c>worker …</c> is a process of a campaign; anything else is for xunit, which runs the short run.
/// </summary>
internal static class Program
{
    private const int WrongUsage = 2;

    public static int Main(string[] args)
    {
        try
        {
            return Run(args);
        }
        catch (PithException refused)
        {
            Console.Error.WriteLine(refused.Message);
            return WrongUsage;
        }
    }

    private static int Run(string[] args) => args switch
    {
        ["run", var minutes, .. var families] => FuzzCampaign.RunAll(minutes, families),
        ["storm", var count] => RequestStorm.Run(count),
        ["repro", var id] => FuzzRepro.Run(id, folder: null),
        ["repro", var id, var folder] => FuzzRepro.Run(id, folder),
        ["worker", .. var rest] => FuzzWorker.Run(rest),
        _ when args.Any(arg => arg is "--server" or "--internal-msbuild-node") =>
            Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions).GetAwaiter().GetResult(),
        _ => Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).GetAwaiter().GetResult(),
    };
}
