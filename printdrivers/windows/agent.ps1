<#
.SYNOPSIS
Opens the post office's options page after printing: one small process per user and printer.
.DESCRIPTION
Asks the office `GET {desk}/agent/next?wait=25&after={cursor}` with the printer's token as bearer, and opens each page it is told of at
most once, and only on the office's own address. Set up by install.ps1, started at log-on.
.PARAMETER Printer
Name of the printer, as given to install.ps1.
.PARAMETER Check
Only test whether the office knows the token.
.PARAMETER Help
Show this text.
#>
param([string]$Printer = 'Post office', [switch]$Check, [switch]$Help)
$ErrorActionPreference = 'Stop'
if ($Help) { Get-Help $PSCommandPath -Detailed; exit 0 }
Add-Type -AssemblyName System.Net.Http
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

$wait = 25         # seconds that the office may hold a question
$most = 5          # pages opened at once; more came while nobody was here, and wait at the desk
$remembered = 200  # addresses kept, so that none opens twice
$folder = Join-Path $env:LOCALAPPDATA 'postoffice'
$file = 'agent-' + ($Printer -replace '[^A-Za-z0-9_-]', '_')
$memoryPath = Join-Path $folder "$file.state.json"
$logPath = Join-Path $folder "$file.log"

function Write-Log([string]$text) {
    if ($Check) { Write-Host $text; return }
    if ((Test-Path $logPath) -and (Get-Item $logPath).Length -gt 200000) { Remove-Item $logPath }
    Add-Content -Path $logPath -Value "$(Get-Date -Format s) $text"
}

$settingsPath = Join-Path $folder "$file.json"
if (-not (Test-Path $settingsPath)) { Write-Host "$settingsPath is missing. Run install.ps1 first."; exit 1 }
$settings = Get-Content $settingsPath -Raw | ConvertFrom-Json
# the token is kept encrypted by Windows for this user alone
$secret = $settings.token | ConvertTo-SecureString
$token = [Net.NetworkCredential]::new('', $secret).Password
$desk = [Uri]$settings.desk

$handler = [Net.Http.HttpClientHandler]::new()
$handler.AllowAutoRedirect = $false  # a redirect would carry the token to another address
$client = [Net.Http.HttpClient]::new($handler)
$client.Timeout = [TimeSpan]::FromSeconds($wait + 15)
$client.MaxResponseContentBufferSize = 1MB
$client.DefaultRequestHeaders.Authorization = [Net.Http.Headers.AuthenticationHeaderValue]::new('Bearer', $token)

# What the office answers: @{ Status; Cursor; Pages; RetryAfter }, Status 0 where it cannot be reached.
function Get-News([string]$cursor, [int]$seconds) {
    $question = "$($settings.desk)/agent/next?wait=$seconds"
    if ($cursor) { $question += '&after=' + [Uri]::EscapeDataString($cursor) }
    try {
        $response = $client.GetAsync($question).GetAwaiter().GetResult()
        $news = @{ Status = [int]$response.StatusCode; Cursor = ''; Pages = @(); RetryAfter = 0 }
        if ($response.Headers.RetryAfter -and $response.Headers.RetryAfter.Delta) {
            $news.RetryAfter = [Math]::Min(600, $response.Headers.RetryAfter.Delta.TotalSeconds)
        }
        if ($news.Status -eq 200) {
            $shape = $response.Content.ReadAsStringAsync().GetAwaiter().GetResult() | ConvertFrom-Json
            $news.Cursor = [string]$shape.cursor
            $news.Pages = @($shape.pages | ForEach-Object { [string]$_.url })
        }
        return $news
    } catch {
        return @{ Status = 0; Cursor = ''; Pages = @(); RetryAfter = 0 }
    }
}

function Get-Reason([int]$status) {
    switch ($status) {
        0 { "The office at $($settings.desk) cannot be reached." }
        { $_ -in 401, 403 } { "The office refuses this printer's token: it was replaced. Run install.ps1 with the new address." }
        { $_ -ge 300 -and $_ -lt 400 } { 'The office answers with a redirect. Run install.ps1 again, -Desk being where browsers end up.' }
        { $_ -in 400, 410, 422 } { 'The office does not know the place where we stopped; starting from now.' }
        default { "The office answers $status." }
    }
}

function Test-Ours([string]$url) {
    $uri = $null
    if ($url.Length -gt 2000 -or $url -notmatch '^[A-Za-z0-9:/?#@!$&()*+,;=._~%\[\]-]+$') { return $false }
    if (-not [Uri]::TryCreate($url, [UriKind]::Absolute, [ref]$uri)) { return $false }
    return ($uri.Scheme -in 'http', 'https') -and ($uri.Scheme -eq $desk.Scheme) -and ($uri.Host -eq $desk.Host) `
        -and ($uri.Port -eq $desk.Port) -and -not $uri.UserInfo
}

if ($Check) {
    $news = Get-News '' 0
    if ($news.Status -eq 200) { exit 0 }
    Write-Log (Get-Reason $news.Status)
    exit 1
}

# one agent per user and printer
$mutex = [Threading.Mutex]::new($false, "Local\postoffice-$file")
try { $mine = $mutex.WaitOne(0) } catch [Threading.AbandonedMutexException] { $mine = $true }
if (-not $mine) { exit 0 }

$cursor = ''
$opened = @()
if (Test-Path $memoryPath) {
    try {
        $memory = Get-Content $memoryPath -Raw | ConvertFrom-Json
        $cursor = [string]$memory.cursor
        $opened = @($memory.opened | Where-Object { $_ })
    } catch { Write-Log 'The file of what was opened is damaged; starting from now.' }
}

function Save-Memory {
    $draft = "$memoryPath.new"
    @{ cursor = $script:cursor; opened = @($script:opened | Select-Object -Last $remembered) } | ConvertTo-Json | Set-Content $draft -Encoding UTF8
    Move-Item $draft $memoryPath -Force
}

$failures = 0
while ($true) {
    $began = Get-Date
    $news = Get-News $cursor $wait
    if ($news.Status -ne 200) {
        $failures++
        if ($failures -eq 1) { Write-Log (Get-Reason $news.Status) }
        if ($news.Status -in 400, 410, 422) { $cursor = '' }
        $longest = if ($news.Status -in 401, 403 -or ($news.Status -ge 300 -and $news.Status -lt 400)) { 1800 } else { 300 }
        # doubling, with jitter so that a hundred agents do not come back at the same moment
        $pause = [Math]::Max($news.RetryAfter, [Math]::Min($longest, [Math]::Pow(2, [Math]::Min($failures, 12))))
        Start-Sleep -Milliseconds ([int]($pause * (Get-Random -Minimum 750 -Maximum 1250)))
        continue
    }
    if ($failures) { Write-Log 'The office answers again.' }
    $failures = 0
    $fresh = @()
    foreach ($url in $news.Pages) {
        if (-not (Test-Ours $url)) { Write-Log 'The office named a page on another address; it is not opened. If it moved, run install.ps1 again.' }
        elseif ($opened -cnotcontains $url -and $fresh -cnotcontains $url) { $fresh += $url }
    }
    if ($fresh) {
        # remembered first: better a page missed than one that opens again and again
        $opened = @($opened + $fresh)
        Save-Memory
        foreach ($url in ($fresh | Select-Object -Last $most)) {
            try { Start-Process $url } catch { Write-Log 'The page could not be opened; it waits at the desk.' }
        }
    }
    # an office that does not wait is not asked in a tight loop
    if ($cursor -and -not $fresh -and ((Get-Date) - $began).TotalSeconds -lt 1) { Start-Sleep -Seconds 1 }
    if ($fresh -or $news.Cursor -cne $cursor) {
        $cursor = $news.Cursor
        Save-Memory
    }
}
