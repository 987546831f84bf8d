using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pith.Cli.Reporting;
using Pith.Serving;

namespace Pith.Cli.Verbs;

/// <summary><c>pith client</c>: measures a served model, or asks it once.</summary>
internal sealed class ClientVerb : Verb
{
    private const string Bench = "bench", Infer = "infer", Http = "http", Grpc = "grpc";

    private readonly Argument<Uri> _url = new("url")
    {
        Description = "The server's address: its HTTP port, or with --protocol grpc its gRPC port.",
        HelpName = "url",
        CustomParser = result =>
        {
            if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https") return url;
            result.AddError($"The address must look like http://localhost:8000, got '{result.Tokens[0].Value}'.");
            return null;
        },
    };

    private readonly Argument<string> _action = new Argument<string>("action") { Description = "bench: latency and throughput under load; infer: one request with tensors from files." }.AcceptOnlyFromAmong(Bench, Infer);
    private readonly Argument<string> _model = new("model") { Description = "The model's name." };
    private readonly Option<string> _version = new("--model-version") { Description = "The model's version. Default: the newest.", HelpName = "n", DefaultValueFactory = _ => "" };
    private readonly Option<string> _protocol = new Option<string>("--protocol") { Description = "http (binary tensors), or grpc.", HelpName = "protocol", DefaultValueFactory = _ => Http }.AcceptOnlyFromAmong(Http, Grpc);
    private readonly Option<string?> _token = new("--token-file") { Description = "File with the bearer token that the server wants.", HelpName = "file" };
    private readonly Option<string?> _trusted = new("--trusted-certificate") { Description = "The certificate to trust, for a server with one of its own. Default: those that the system trusts.", HelpName = "file" };
    private readonly Option<string> _concurrency = new("--concurrency") { Description = "Requests under way at a time; several numbers, separated by commas, are measured one after the other.", HelpName = "list", DefaultValueFactory = _ => "1" };
    private readonly Option<string?> _rate = new("--request-rate") { Description = "Instead: requests begun in a second, whatever becomes of them; several, separated by commas. Latency counts from when a request should have begun.", HelpName = "list" };
    private readonly Option<bool> _poisson = new("--poisson") { Description = "With --request-rate: random intervals (a Poisson process) instead of equal ones." };
    private readonly Option<int> _batch = new("--batch", "-b") { Description = "Rows in each request.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private readonly Option<double> _warmUp = new("--warm-up") { Description = "Load before the measurement begins, in milliseconds.", HelpName = "ms", DefaultValueFactory = _ => 1000 };
    private readonly Option<double> _duration = new("--duration") { Description = "Seconds of measurement for each number.", HelpName = "s", DefaultValueFactory = _ => 5 };
    private readonly Option<int> _seed = new("--seed") { Description = "Random seed of inputs and intervals.", HelpName = "n" };
    private readonly Option<string[]> _input = new("--input", "-i") { Description = InputFiles.Help, HelpName = "name=file", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "With infer: where to write the outputs, a file that ends in .npz or a folder.", HelpName = "path" };

    public override string Name => "client";

    public override string Summary => "Measures a served model (latency percentiles and throughput, by concurrency or request rate), or asks it once.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith client http://localhost:8000 bench net --concurrency 1,4,16",
        "pith client http://localhost:8001 bench net --protocol grpc --batch 8 --duration 10 --json",
        "pith client http://localhost:8000 bench net --request-rate 100,200,400 --poisson",
        "pith client http://localhost:8000 infer net --input images.npy --output scores.npz",
    ];

    protected override IEnumerable<Symbol> Symbols => [_url, _action, _model, _version, _protocol, _token, _trusted, _concurrency, _rate, _poisson, _batch, _warmUp, _duration, _seed, _input, _output];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var isBench = arguments.GetRequiredValue(_action) == Bench;
        foreach (var option in isBench ? (Option[])[_output] : [_concurrency, _rate, _poisson, _batch, _warmUp, _duration, _seed])
            if (arguments.GetResult(option) is { Implicit: false }) throw new UsageException($"{option.Name} is for {(isBench ? Infer : Bench)}.");
        var server = new ServerAddress(arguments.GetRequiredValue(_url), TokenFile.Read(arguments.GetValue(_token)), Trusted(arguments.GetValue(_trusted)));
        var (model, version) = (arguments.GetRequiredValue(_model), arguments.GetRequiredValue(_version));
        using LoadClient client = arguments.GetValue(_protocol) == Grpc ? new GrpcLoadClient(server, model, version) : new HttpLoadClient(server, model, version);
        return (isBench ? BenchAsync(client, arguments, terminal, cancellation) : InferAsync(client, arguments, terminal, cancellation)).GetAwaiter().GetResult();
    }

    private async Task<int> BenchAsync(LoadClient client, ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var batch = CommonOptions.Require(_batch.Name, arguments.GetValue(_batch), 1, 4096);
        var warmUp = TimeSpan.FromMilliseconds(CommonOptions.Require(_warmUp.Name, arguments.GetValue(_warmUp), 0, 600_000));
        var duration = TimeSpan.FromSeconds(CommonOptions.Require(_duration.Name, arguments.GetValue(_duration), 0.1, 3600));
        if (arguments.GetValue(_rate) is not null && arguments.GetResult(_concurrency) is { Implicit: false }) throw new UsageException($"{_concurrency.Name} and {_rate.Name} do not go together: one waits for answers, the other does not.");
        if (arguments.GetValue(_rate) is null && arguments.GetValue(_poisson)) throw new UsageException($"{_poisson.Name} needs {_rate.Name}.");
        var rates = arguments.GetValue(_rate) is { } list ? Numbers(_rate.Name, list, 0.01, 1e6) : null;
        double[] concurrencies = rates is null ? Numbers(_concurrency.Name, arguments.GetRequiredValue(_concurrency), 1, 1024) : [];
        if (concurrencies.FirstOrDefault(number => number != Math.Truncate(number)) is var broken and not 0) throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{_concurrency.Name} takes whole numbers, got {broken}."));
        var seed = arguments.GetValue(_seed);
        var inputs = await client.InputsAsync(cancellation);
        client.Prepare(arguments.GetValue(_input) is { Length: > 0 } files ? Tensors(inputs, files) : RandomInputs.Of(inputs, batch, seed));
        var generator = new LoadGenerator(client, batch, warmUp, duration);
        var results = new List<LoadResult>();
        foreach (var rate in rates ?? []) results.Add(await generator.BeginAtRateAsync(rate, arguments.GetValue(_poisson) ? seed : null, cancellation));
        foreach (var concurrency in concurrencies) results.Add(await generator.KeepAsync((int)concurrency, cancellation));
        var report = new LoadReport(arguments.GetRequiredValue(_model), arguments.GetRequiredValue(_protocol), results);
        terminal.Result(report.Json(), report.Draw);
        // Refusals under overload are what was asked for; a load without a single answer is not.
        return results.All(result => result.Answered > 0) ? Program.Done : throw new PithException($"No request was answered: {results.First(result => result.Answered == 0).Reason}");
    }

    private async Task<int> InferAsync(LoadClient client, ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var inputs = await client.InputsAsync(cancellation);
        client.Prepare(Tensors(inputs, arguments.GetValue(_input) ?? []));
        var outputs = (await client.InferAsync(cancellation)).Select(output => (output.Name, Tensor(output))).ToArray();
        var files = arguments.GetValue(_output) is { } path ? OutputFiles.Write(path, outputs) : null;
        var summaries = outputs.Select((output, i) => TensorSummary.Of(output.Name, output.Item2, files?[i])).ToArray();
        terminal.Result(new { Model = arguments.GetRequiredValue(_model), Outputs = summaries }, console =>
        {
            TensorSummary.Draw(console, summaries);
            if (files is not null) console.Line($"written to {string.Join(", ", files.Distinct())}");
        });
        return Program.Done;
    }

    private static X509Certificate2? Trusted(string? path)
    {
        try
        {
            return path is null ? null : X509CertificateLoader.LoadCertificateFromFile(path);
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new PithException($"Cannot read the certificate '{path}': {failure.Message}", failure);
        }
    }

    private static RequestTensor[] Tensors(IReadOnlyList<RemoteTensor> inputs, IReadOnlyList<string> files)
    {
        (string, TensorType)[] types = [.. inputs.Select(input => (input.Name, new TensorType(
            WireType.Find(input.DataType) ?? throw new PithException($"Input '{input.Name}' is {input.DataType}; expected a numeric or Boolean type, which tensor files can hold."),
            input.Shape.Select((size, axis) => size >= 0 ? Dim.Of(size) : Dim.Named($"d{axis}")).ToValueList())))];
        return [.. InputFiles.Read(types, files).Select((tensor, i) => new RequestTensor(
            inputs[i].Name, WireType.NameOf(tensor.DataType) ?? throw new PithException($"The protocol has no elements of type {tensor.DataType.ShortName()}."), [.. tensor.Shape.Dims.Select(size => (long)size)], tensor.Bytes.ToArray()))];
    }

    private static Tensor Tensor(RequestTensor output)
    {
        var type = WireType.Find(output.DataType) ?? throw new PithException($"Output '{output.Name}' is {output.DataType}; expected a numeric or Boolean type, which tensor files can hold.");
        var tensor = Pith.Tensor.Zeros(type, new Shape([.. output.Shape.Select(size => checked((int)size))]));
        if (output.Data.Length != tensor.Bytes.Length) throw new PithException($"Output '{output.Name}' {tensor} has {tensor.Bytes.Length} bytes, the server sent {output.Data.Length}.");
        output.Data.Span.CopyTo(tensor.Bytes);
        return tensor;
    }

    private static double[] Numbers(string option, string list, double low, double high) =>
        [.. list.Split(',').Select(part => double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number >= low && number <= high
            ? number
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{option} must be numbers of {low} to {high}, separated by commas, got '{list}'.")))];
}
