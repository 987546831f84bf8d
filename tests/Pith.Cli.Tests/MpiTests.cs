using System.Diagnostics;
using Pith.Compression.Training;

namespace Pith.Cli.Tests;

/// <summary>Training under Open MPI's mpirun: real processes, which is why these take seconds.</summary>
public sealed class MpiTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Two_ranks_train_one_network_and_the_first_alone_reports_and_writes()
    {
        using var folder = new TemporaryFolder();
        using var run = Start(folder, "2", "train", "cifar-resnet8", "--data", "procedural:seed=1,count=64", "--epochs", "1", "--batch", "16", "--validation", "procedural:seed=3,count=16", "-o", folder.File("net.onnx"), "--json");
        var result = (await Finish(run)).Ends(0);
        Assert.Equal(2, result.Json.GetProperty("ranks").GetInt32());
        Assert.Equal(4, result.Json.GetProperty("steps").GetInt32());
        Assert.InRange(result.Json.GetProperty("communication_share").GetDouble(), 0, 1);
        Assert.Equal(["net.onnx"], folder.Files);

        // What one process makes of the same batches; batch norm sees halves of them.
        var alone = PithCommand.Run("train", "cifar-resnet8", "--data", "procedural:seed=1,count=64", "--epochs", "1", "--batch", "16", "-o", folder.File("alone.onnx"), "--json").Ends(0);
        Assert.Equal(alone.Json.GetProperty("loss").GetDouble(), result.Json.GetProperty("loss").GetDouble(), 0.2);
    }

    [Fact]
    public async Task A_killed_rank_ends_all_and_the_checkpoint_is_continued_by_another_number_of_ranks()
    {
        using var folder = new TemporaryFolder();
        string[] command = ["train", "cifar-resnet8", "--data", "procedural:seed=1,count=64", "--epochs", "16", "--batch", "16", "--checkpoint-every", "0", "-o", folder.File("net.onnx")];
        using var run = Start(folder, "2", command);
        var checkpoint = folder.File("net.onnx.checkpoint");
        for (var waited = Stopwatch.StartNew(); !File.Exists(checkpoint) && !run.HasExited; await Task.Delay(10, TestContext.Current.CancellationToken)) Assert.True(waited.Elapsed < s_limit, "no checkpoint was written");
        Kill(run, rank: 1);
        var killed = await Finish(run);
        Assert.NotEqual(0, killed.ExitCode);
        Assert.Contains("rank 1", killed.Error + killed.Output, StringComparison.Ordinal);
        Assert.True(Checkpoint.Read(checkpoint).State.Step > 0);
        Assert.False(File.Exists(folder.File("net.onnx")));

        var resumed = PithCommand.Run([.. command, "--json"]).Ends(0);
        Assert.DoesNotContain("from the beginning", resumed.Error, StringComparison.Ordinal);
        Assert.Equal(64, resumed.Json.GetProperty("steps").GetInt32());
        Assert.False(File.Exists(checkpoint));
    }

    [Fact]
    public async Task Synchronised_batch_norm_gives_the_loss_of_one_process()
    {
        using var folder = new TemporaryFolder();
        string[] command = ["train", "cifar-resnet8", "--data", "procedural:seed=1,count=64", "--epochs", "1", "--batch", "16", "--lr", "0.01", "--json"];
        using var run = Start(folder, "2", [.. command, "--sync-norm", "-o", folder.File("net.onnx")]);
        var result = (await Finish(run)).Ends(0);
        var alone = PithCommand.Run([.. command, "-o", folder.File("alone.onnx")]).Ends(0);
        Assert.Equal(alone.Json.GetProperty("loss").GetDouble(), result.Json.GetProperty("loss").GetDouble(), 1e-3);
    }

    [Fact]
    public async Task Ranks_calibrate_what_one_process_calibrates()
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run("models", "cifar-resnet8", "-o", folder.File("net.onnx")).Ends(0);
        string[] command = ["quantize", folder.File("net.onnx"), "--data", "procedural:seed=1,count=64", "--samples", "45", "--effort", "fast", "--calibrator", "percentile"];
        using var run = Start(folder, "2", [.. command, "-o", folder.File("ranks.onnx")]);
        (await Finish(run)).Ends(0);
        PithCommand.Run([.. command, "-o", folder.File("alone.onnx")]).Ends(0);
        Assert.Equal(["alone.onnx", "net.onnx", "ranks.onnx"], folder.Files);
        Assert.Equal(File.ReadAllBytes(folder.File("alone.onnx")), File.ReadAllBytes(folder.File("ranks.onnx")));

        // Both networks predict what one process predicts, in the order of the data.
        string[] evaluate = ["eval", folder.File("ranks.onnx"), "--data", "procedural:seed=3,count=33", "--json", "--predictions"];
        using var shared = Start(folder, "2", [.. evaluate, folder.File("ranks.txt")]);
        var (together, single) = ((await Finish(shared)).Ends(0), PithCommand.Run([.. evaluate, folder.File("alone.txt")]).Ends(0));
        Assert.Equal(File.ReadAllText(folder.File("alone.txt")), File.ReadAllText(folder.File("ranks.txt")));
        foreach (var count in (ReadOnlySpan<string>)["correct", "count", "top5"]) Assert.Equal($"{single.Json.GetProperty(count)}", $"{together.Json.GetProperty(count)}");

        using var search = Start(folder, "2", [.. command, "--max-drop", "1", "-o", folder.File("searched.onnx")]);
        Assert.Contains("does not share its work", (await Finish(search)).Error, StringComparison.Ordinal);
        Assert.DoesNotContain("searched.onnx", folder.Files);
    }

    [Fact]
    public async Task A_recipe_on_ranks_writes_each_file_once_and_its_steps_are_kept_by_one_process()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("recipe.json"), """
            {
              "name": "ranks", "model": { "builder": "cifar-resnet8" }, "data": { "train": "procedural:seed=1,count=64", "test": "procedural:seed=2,count=16" },
              "benchmark": { "batches": [1], "seconds": 0.1 },
              "steps": [
                { "step": "train", "epochs": 1, "batch_size": 16, "sync_norm": true },
                { "step": "prune", "name": "sparse", "report": false },
                { "step": "finetune", "name": "tuned", "epochs": 1, "batch_size": 16, "report": false },
                { "step": "quantize", "name": "int8", "samples": 32, "effort": "fast" }
              ]
            }
            """);
        using var run = Start(folder, "2", "run", folder.File("recipe.json"), "-o", folder.File("out"), "--json");
        var result = (await Finish(run)).Ends(0);
        Assert.Equal(2, result.Json.GetProperty("stages").GetArrayLength());
        Assert.Equal(2, result.Json.GetProperty("stages")[0].GetProperty("training").GetProperty("ranks").GetInt32());
        string[] files = [.. Directory.GetFiles(folder.File("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];
        Assert.Equal(["initial.onnx", "int8.calibration", "int8.calibration.pith.json", "int8.onnx", "report.html", "report.json", "sparse.onnx", "state.json", "train.onnx", "tuned.onnx"], files);
        var models = files.Where(file => file.EndsWith(".onnx", StringComparison.Ordinal)).ToDictionary(file => file, file => File.GetLastWriteTimeUtc(folder.File($"out/{file}")));

        PithCommand.Run("run", folder.File("recipe.json"), "-o", folder.File("out"), "--json").Ends(0);
        Assert.Equal(models["int8.onnx"], File.GetLastWriteTimeUtc(folder.File("out/int8.onnx")));
        Assert.Equal(models["train.onnx"], File.GetLastWriteTimeUtc(folder.File("out/train.onnx")));
    }

    [Fact]
    public async Task What_ranks_cannot_do_is_refused_once()
    {
        using var folder = new TemporaryFolder();
        using var odd = Start(folder, "2", "finetune", "cifar-resnet8", "--data", "procedural:seed=1,count=64", "--batch", "15", "-o", folder.File("net.onnx"));
        var refused = await Finish(odd);
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Single(refused.Error.Split("pith: "), part => part.Contains("cannot be divided among 2 ranks", StringComparison.Ordinal));
        using var verb = Start(folder, "2", "models", "cifar-resnet8", "-o", folder.File("net.onnx"));
        Assert.Contains("does not share its work", (await Finish(verb)).Error, StringComparison.Ordinal);
        Assert.Empty(folder.Files);
    }

    [Fact]
    public async Task Processes_of_another_launcher_are_refused_instead_of_training_side_by_side()
    {
        Assert.SkipWhen(MpiRun is null, NoMpiRun);
        using var folder = new TemporaryFolder();
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Pith.Cli.dll"), "train", "cifar-resnet8", "--data", "procedural:count=64", "-o", folder.File("net.onnx")]) { RedirectStandardOutput = true, RedirectStandardError = true };
        (start.Environment["PMI_SIZE"], start.Environment["PMI_RANK"]) = ("2", "0");
        using var run = Process.Start(start)!;
        Assert.Contains("started 2 processes, Open MPI sees 1", (await Finish(run)).Refuses(1).Error, StringComparison.Ordinal);
        Assert.Empty(folder.Files);
    }

    private const string NoMpiRun = "there is no mpirun; install openmpi-bin";

    private static string? MpiRun => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(path => Path.Combine(path, "mpirun")).FirstOrDefault(File.Exists);

    private static Process Start(TemporaryFolder folder, string ranks, params string[] arguments)
    {
        Assert.SkipWhen(MpiRun is null, NoMpiRun);
        var start = new ProcessStartInfo(MpiRun!, ["--allow-run-as-root", "--oversubscribe", "-n", ranks, "dotnet", Path.Combine(AppContext.BaseDirectory, "Pith.Cli.dll"), .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = folder.Path,
        };
        return Process.Start(start)!;
    }

    private static async Task<CommandResult> Finish(Process run)
    {
        var (output, error) = (run.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        if (!run.WaitForExit(s_limit))
        {
            run.Kill(entireProcessTree: true);
            Assert.Fail($"not finished after {s_limit}: {string.Join(' ', run.StartInfo.ArgumentList)}\nstdout: {await output}\nstderr: {await error}");
        }
        return new CommandResult(run.ExitCode, await output, await error);
    }

    /// <summary>Kills one of the processes that mpirun started, as the kernel does when memory runs out.</summary>
    private static void Kill(Process run, int rank)
    {
        var children = Directory.GetDirectories($"/proc/{run.Id}/task").SelectMany(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var victim = children.Single(child => File.ReadAllText($"/proc/{child}/environ").Split('\0').Contains($"OMPI_COMM_WORLD_RANK={rank}"));
        using var process = Process.GetProcessById(int.Parse(victim, System.Globalization.CultureInfo.InvariantCulture));
        process.Kill();
    }
}
