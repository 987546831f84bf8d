using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.TestKit;

namespace Pith.EngineTests.Conformance;

/// <summary>
/// ONNX's node tests, and cases of our own in the same layout, through interpreter, reference kernels and the engine at each instruction set that this machine has or can emulate: at the batch of the data, in an
/// engine for that batch and in one for a larger one. <c>failing.txt</c> (name: reason) lists the exceptions; a case leaves it as soon as it passes. <c>refused.txt</c> lists models without data that are not valid.
/// </summary>
public class ConformanceTests
{
    private const int LargerBatch = 7;
    private static readonly string s_lists = Path.Combine(AppContext.BaseDirectory, "Conformance");
    private static readonly string? s_nodeTests = SharedData.Path("onnx-node-tests");
    private static readonly string? s_cases = SharedData.Cases;

    public static TheoryData<string> NodeTests => s_nodeTests is null ? [] : [.. File.ReadAllLines(Path.Combine(s_lists, "passing.txt"))];

    public static TheoryData<string> Cases => s_cases is null ? [] : [.. Directory.GetDirectories(s_cases).SelectMany(Directory.GetDirectories).Where(HasData).Select(folder => Path.GetRelativePath(s_cases, folder)).Order(StringComparer.Ordinal)];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(NodeTests))]
    public void Node_test_passes_in_every_runner(string name) => Check(name, Path.Combine(s_nodeTests!, name));

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Case_passes_in_every_runner(string name) => Check(name, Path.Combine(s_cases!, name));

    public static TheoryData<string> Refused => s_cases is null ? [] : [.. Exceptions("refused.txt").Keys];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Refused))]
    public void Model_that_is_not_valid_is_refused_with_a_message(string name) =>
        Assert.Throws<PithException>(() => EngineBuilder.Build(OnnxModel.Load(Path.Combine(s_cases!, name, "model.onnx")), new EngineOptions { TimeTactics = false }).Dispose());

    [Fact]
    public void Exceptions_name_cases_that_exist()
    {
        Assert.SkipWhen(s_cases is null || s_nodeTests is null, "the cases are not beside the repository (shared)");
        var names = NodeTests.Concat(Cases).Select(row => row.Data).ToHashSet();
        Assert.DoesNotContain(Exceptions("failing.txt").Keys, name => !names.Contains(name));
    }

    private static void Check(string name, string folder)
    {
        var problems = Problems(folder);
        if (Exceptions("failing.txt").TryGetValue(name, out var reason)) Assert.True(problems.Count > 0, $"{name} passes now: remove it from failing.txt ({reason})");
        else Assert.True(problems.Count == 0, $"pith compare {folder}/model.onnx --test-data {folder}\n{Text(problems)}");
    }

    private static List<(string Where, string What)> Problems(string folder)
    {
        var runners = Runners().ToArray();
        try
        {
            var checks = TestDataCheck.Run(Path.Combine(folder, "model.onnx"), folder, runners, new Tolerance());
            return [.. checks.Where(check => !check.Passes).Select(check => ($"{check.DataSet}, {check.Runner}", check.Failure ?? string.Join("; ", check.Outputs.Where(output => output.Mismatch is not null).Select(output => $"{output.Name} {output.Type}: {output.Mismatch}"))))];
        }
        catch (PithException refused)
        {
            return [("import", refused.Message)];
        }
        catch (Exception crash) when (crash is InvalidOperationException or ArithmeticException or ArgumentException or IndexOutOfRangeException)
        {
            return [("crash", crash.ToString())];
        }
        finally
        {
            foreach (var runner in runners) runner.Dispose();
        }
    }

    private static IEnumerable<NetworkRunner> Runners()
    {
        yield return NetworkRunner.Interpreter();
        yield return NetworkRunner.Reference(new EngineOptions { Threads = 2 });
        foreach (var isa in TestDevice.Levels)
        {
            yield return NetworkRunner.Engine($"engine {isa}", new EngineOptions(), TestDevice.At(isa));
            yield return NetworkRunner.Engine($"engine {isa} for batch {LargerBatch}", new EngineOptions { MaxBatch = LargerBatch }, TestDevice.At(isa));
        }
    }

    private static Dictionary<string, string> Exceptions(string file) => File.ReadAllLines(Path.Combine(s_lists, file)).Select(line => line.Split(": ", 2)).ToDictionary(parts => parts[0], parts => parts[1]);

    private static bool HasData(string folder) => Directory.Exists(Path.Combine(folder, "test_data_set_0"));

    private static string Text(IEnumerable<(string Where, string What)> problems) => string.Join('\n', problems.Take(12).Select(problem => $"{problem.Where}: {problem.What}"));
}
